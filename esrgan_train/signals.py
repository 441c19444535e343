"""The signals that ask a run to stop, and whether one has come."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from esrgan_train.errors import StopAtOnceError

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name))

_can_hold_back = hasattr(signal, "pthread_sigmask")
_requested = 0


def requested() -> int:
    """The number of the signal that has asked to stop; 0 if none has."""
    return _requested


def take_over() -> None:
    """From now on a signal only leaves word; a second SIGINT raises ``StopAtOnceError``."""
    for number in SIGNALS:
        signal.signal(number, _note)


def ignore() -> None:
    """From now on the signals do nothing: they are the main process's affair."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if _can_hold_back:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextmanager
def held_back() -> Iterator[None]:
    """Let signals wait, here and in processes that are started meanwhile, until these ``ignore`` them."""
    if not _can_hold_back:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def given_back() -> Iterator[None]:
    """Forget what came before; afterwards, give the signals back to those who had them."""
    global _requested
    _requested = 0
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # it was not set by Python
                signal.signal(number, handler)


def _note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (a handler gets it)
    global _requested
    if number == signal.SIGINT and _requested == signal.SIGINT:
        raise StopAtOnceError("stopped at once by a second SIGINT, without saving", number)
    _requested = number
