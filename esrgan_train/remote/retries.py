"""Trying again what a network or a server refuses for a while."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

_FIRST, _LONGEST = 0.25, 10.0  # seconds: the first and the longest wait, before it is shortened by chance
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, NotImplementedError)
_BUSY = (408, 425, 429)  # HTTP: of those below 500, the ones that may pass

# Libraries of fsspec's protocols have errors that are no OSError. One that is not loaded has raised none.
_FOREIGN = (
    ("aiohttp", "ClientError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("gcsfs.retry", "HttpError"),
    ("httpx", "HTTPError"),
    ("httpx2", "HTTPError"),
)


def failures() -> tuple[type[Exception], ...]:
    """What reading from elsewhere may raise."""
    known = (getattr(sys.modules.get(module), name, None) for module, name in _FOREIGN)
    return (OSError, EOFError, NotImplementedError, *(kind for kind in known if kind is not None))


def may_pass(error: BaseException) -> bool:
    """Whether another attempt may succeed."""
    if isinstance(error, _FINAL):
        return False
    status = getattr(error, "status", None) or getattr(error, "code", None)
    return not (isinstance(status, int) and 400 <= status < 500 and status not in _BUSY)


def persistently(
    attempt: Callable[[], Result],
    *,
    patience: float,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Result:
    """What ``attempt`` returns, which is repeated for up to ``patience`` seconds.

    Between attempts it waits for a random part of a time that doubles, so that many processes do not come back
    all at once: Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015 ("full jitter").

    Raises:
        OSError: or another of ``failures``, that of the last attempt.
    """
    until, wait = clock() + patience, _FIRST
    while True:
        try:
            return attempt()
        except failures() as error:
            pause = random.uniform(0, wait)
            if not may_pass(error) or clock() + pause >= until:
                raise
        sleep(pause)
        wait = min(2 * wait, _LONGEST)
