"""A logger that training does not wait for, and that may fail without harming the run."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

log = logging.getLogger(__name__)

# A process forked in the middle of a call would inherit locks and half-done imports, and wait for ever.
_calling = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_calling.acquire, after_in_parent=_calling.release, after_in_child=_calling.release)


class Background(Logger):
    """Calls another logger from a thread of its own, until that logger fails for the first time.

    The thread starts with the first reading of a training iteration, after the loader's processes.

    Args:
        name: the logger's name.
        title: its name in the warning.
        make: the step of the first reading to a logger of Lightning that also has ``log_image``. Called in the
            thread, as importing a library and connecting to a server take time.
        give_up: called after a failure, to end what the library has left running.
    """

    name, version = "", ""

    def __init__(
        self, *, name: str, title: str, make: Callable[[int], Logger], give_up: Callable[[], None] = lambda: None
    ) -> None:
        super().__init__()
        self.name, self._title = name, title
        self._make, self._give_up = make, give_up
        self.failed = False
        self._first_step: int | None = None
        self._calls: queue.SimpleQueue[tuple[str, tuple[Any, ...]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Log one reading, taken after iteration ``step``."""
        self._add(step or 0, "log_metrics", dict(metrics), step or 0)
        if step:
            self._start()

    @rank_zero_only
    def log_image(self, key: str, images: list[str], step: int) -> None:
        """Log picture files, made after iteration ``step``."""
        self._add(step, "log_image", key, images, step)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Wait until everything is logged, and close; ``status`` is ``success`` or Lightning's word."""
        if self._first_step is None:
            return
        self._calls.put(("finalize", (status,)))
        self._calls.put(None)
        self._start().join()
        self._thread = self._first_step = None

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: config.yaml holds them."""

    def _add(self, step: int, method: str, *arguments: Any) -> None:
        if self._first_step is None:
            self._first_step = step
        self._calls.put((method, arguments))

    def _start(self) -> threading.Thread:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._run, args=(self._first_step,), name=self.name, daemon=True
            )
            self._thread.start()
        return self._thread

    def _run(self, first_step: int) -> None:
        logger: Logger | None = None
        while (call := self._calls.get()) is not None:
            if self.failed:
                continue
            method, arguments = call
            with _calling:
                try:
                    logger = self._make(first_step) if logger is None else logger
                    getattr(logger, method)(*arguments)
                except Exception as error:  # noqa: BLE001 — whatever goes wrong in there, the run matters more
                    self._fail(error)

    def _fail(self, error: Exception) -> None:
        cause = error.__cause__ or error  # Lightning's loggers raise a ValueError from it
        log.warning(
            "%s stopped working (%s); training continues without it, metrics.csv holds everything",
            self._title,
            " ".join(f"{type(cause).__name__}: {cause}".split()),
        )
        with contextlib.suppress(Exception):
            self._give_up()
        self.failed = True
