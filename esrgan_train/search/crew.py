"""Several workers of one host, started by one command and ended with it."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

from esrgan_train import signals
from esrgan_train.cli import DONE
from esrgan_train.errors import StopAtOnceError, StopRequestedError
from esrgan_train.parent import VARIABLE

log = logging.getLogger(__name__)

_LOOK = 0.2  # seconds


def run_crew(words: Sequence[str], workers: int) -> int:
    """Start the same command once for each worker, and wait for them; the worst exit status.

    A worker that is killed leaves its trial to the others.

    Args:
        words: of the command, without ``--workers``.
        workers: how many.

    Raises:
        StopRequestedError: a signal has stopped them.
    """
    with signals.given_back():
        signals.take_over()
        crew = [_start(words, number, workers) for number in range(workers)]
        try:
            statuses = _wait(crew)
        except StopAtOnceError:
            for worker in crew:
                worker.send_signal(signal.SIGINT)
            _wait(crew)
            raise
        if number := signals.requested():
            raise StopRequestedError(f"stopped by {signal.Signals(number).name}", number)
    for number, status in enumerate(statuses):
        if status < 0:
            log.warning("worker %d was killed by %s", number, signal.Signals(-status).name)
    ended = [status for status in statuses if status >= 0]
    return max(ended, default=DONE)


def _start(words: Sequence[str], number: int, workers: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "esrgan_train.search", *words, "--worker", f"{number}/{workers}"],
        stdin=subprocess.PIPE,  # which closes when this process ends
        env={**os.environ, VARIABLE: "1"},
        start_new_session=True,  # a Ctrl-C is for this process, which passes it on
    )


def _wait(crew: Sequence[subprocess.Popen[bytes]]) -> list[int]:
    """Until all have ended; a signal is passed on once."""
    passed_on = False
    while any(worker.poll() is None for worker in crew):
        if signals.requested() and not passed_on:
            passed_on = True
            for worker in crew:
                worker.terminate()
        time.sleep(_LOOK)
    return [worker.wait() for worker in crew]
