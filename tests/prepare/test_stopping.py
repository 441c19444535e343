from __future__ import annotations

import os
import signal

import pytest

from esrgan_train import signals
from esrgan_train.errors import StopRequestedError


def test_a_signal_raises_with_the_message_and_later_ones_are_ignored() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with (
        pytest.raises(StopRequestedError, match=r"^stopped by SIGTERM; go on$") as stopped,
        signals.raised("go on"),
    ):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGINT)  # while things are put in order
    assert stopped.value.signal_number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) == before
