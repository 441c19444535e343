"""Ends a run with the process that started it, also where that is killed: nobody else would know of the run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

VARIABLE = "ESRGAN_TRAIN_ENDS_WITH_STDIN"  # set by the process that holds the other end of this one's stdin
SECONDS = 30.0  # to save, from the end of that process to the end of this one at the latest

_FAILED = 1  # exit status
_INTERVAL = 0.5  # seconds between two looks at who the parent is


def end_with_parent(*, launched: bool = False) -> None:
    """Where the starting process asks for it, stop as on SIGTERM as soon as that process has ended.

    The system closes the pipe to stdin, however the process at its other end has ended.

    Args:
        launched: whether the starting process is a launcher that asks for it without a pipe.
    """
    if VARIABLE in os.environ:
        _start(_stdin_is_closed)
    elif launched:
        parent = os.getppid()
        _start(lambda: _is_another(parent))


def _start(wait: Callable[[], None]) -> None:
    def end() -> None:
        wait()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(SECONDS)
        os._exit(_FAILED)

    threading.Thread(target=end, name="parent", daemon=True).start()


def _stdin_is_closed() -> None:
    while os.read(0, 1):  # nothing is ever written: this returns at the end
        pass


def _is_another(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_INTERVAL)
