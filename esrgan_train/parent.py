"""Ends a run with the process that started it, also where that is killed: nobody else would know of the run."""

from __future__ import annotations

import os
import signal
import threading
import time

VARIABLE = "ESRGAN_TRAIN_ENDS_WITH_STDIN"  # set by the process that holds the other end of this one's stdin
SECONDS = 30.0  # to save, from the end of that process to the end of this one at the latest

_FAILED = 1  # exit status


def end_with_parent() -> None:
    """Where the starting process asks for it, stop as on SIGTERM as soon as that process has ended.

    The system closes the pipe to stdin, however the process at its other end has ended.
    """
    if VARIABLE in os.environ:
        threading.Thread(target=_wait, name="parent", daemon=True).start()


def _wait() -> None:
    while os.read(0, 1):  # nothing is ever written: this returns at the end
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS)
    os._exit(_FAILED)
