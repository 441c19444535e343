"""A thread that sends what training should not wait for."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable

# A process forked in the middle of a call would inherit its half-done imports and its locks, and wait for ever.
_calling = threading.RLock()
if hasattr(os, "register_at_fork"):  # where there is no fork, there is nothing to wait for
    os.register_at_fork(before=_calling.acquire, after_in_parent=_calling.release, after_in_child=_calling.release)


class Background:
    """Runs calls one after another, in the order in which they came, once ``start`` was called.

    The calls must not raise.
    """

    def __init__(self) -> None:
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def add(self, call: Callable[[], None]) -> None:
        """Let ``call`` be run after all others."""
        self._calls.put(call)

    def start(self) -> None:
        """Begin, unless it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="background", daemon=True)
            self._thread.start()

    def finish(self) -> None:
        """Run what is left, and return when it is done."""
        self.start()
        assert self._thread is not None
        self._calls.put(None)
        self._thread.join()
        self._thread = None

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            with _calling:
                call()
