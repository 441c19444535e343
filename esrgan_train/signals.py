"""The signals that ask a run to stop, and whether one has come."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from esrgan_train.errors import StopAtOnceError, StopRequestedError

# Windows has no SIGUSR1; there, Ctrl-Break is what one program can send to another.
_NAMES = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGBREAK")
SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))

_can_hold_back = hasattr(signal, "pthread_sigmask")
_requested = 0


def requested() -> int:
    """The number of the signal that asked to stop; 0 if none has."""
    return _requested


def take_over() -> None:
    """Only note the signals from now on; a second SIGINT raises ``StopAtOnceError``."""
    for number in SIGNALS:
        signal.signal(number, _note)


def ignore() -> None:
    """Ignore the signals from now on: the main process handles them."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if _can_hold_back:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


@contextmanager
def held_back() -> Iterator[None]:
    """Block the signals, here and in processes that are started meanwhile, until these ``ignore`` them."""
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
    """Forget earlier requests; restore the handlers of the signals at the end."""
    global _requested
    _requested = 0
    before = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # it was not set by Python
                signal.signal(number, handler)


@contextmanager
def raised(message: str) -> Iterator[None]:
    """Raise ``StopRequestedError`` with ``message`` wherever the first signal comes; ignore later ones."""

    def stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (a handler gets it)
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise StopRequestedError(f"stopped by {signal.Signals(number).name}; {message}", number)

    with given_back():
        for number in SIGNALS:
            signal.signal(number, stop)
        yield


def _note(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (a handler gets it)
    global _requested
    if number == signal.SIGINT and _requested == signal.SIGINT:
        raise StopAtOnceError("stopped at once by a second SIGINT, without saving", number)
    _requested = number
