"""Keeps a library's own threads from printing tracebacks: its logger tells the failure in one line."""

from __future__ import annotations

import logging
import threading

log = logging.getLogger(__name__)

_quiet: set[str] = set()


def quiet_threads(library: str) -> None:
    """Let threads of a class of ``library`` fail without a traceback on the console; those of others print it."""
    if library in _quiet:
        return
    _quiet.add(library)
    before = threading.excepthook

    def hook(failure: threading.ExceptHookArgs) -> None:
        if type(failure.thread).__module__.partition(".")[0] == library:
            log.debug("a thread of %s failed: %s", library, failure.exc_value)
        else:
            before(failure)

    threading.excepthook = hook


def quiet_log(library: str) -> None:
    """Let the log files that ``library`` keeps for itself fail without a traceback on the console."""
    for handler in logging.getLogger(library).handlers:
        handler.handleError = _ignore  # type: ignore[method-assign]


def _ignore(record: logging.LogRecord) -> None:
    """What a full disk does not take of a library's own log is lost."""
