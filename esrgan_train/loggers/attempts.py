"""Loggers that may fail without harming the run: a dashboard is never worth a training."""

from __future__ import annotations

import logging
from abc import abstractmethod
from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from esrgan_train.loggers.background import Background

log = logging.getLogger(__name__)


class OptionalLogger(Logger):
    """Sends metrics and pictures somewhere beside metrics.csv, until that fails for the first time.

    Training does not wait for it: a thread sends, from the first reading of a training iteration on. Before
    that, when the data's processes are started, it would only be in the way.

    Args:
        run_dir: the run folder, in which everything is kept.
        title: the logger's name in the warning.
    """

    def __init__(self, *, run_dir: str, title: str) -> None:
        super().__init__()
        self.run_dir = Path(run_dir)
        self.title = title
        self.failed = False
        self._background = Background()

    @property
    def version(self) -> str:
        """The run folder's name."""
        return self.run_dir.name

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send one reading, taken after iteration ``step``."""
        values, iteration = dict(metrics), step or 0
        self._background.add(lambda: self.attempt(lambda: self.send_metrics(values, iteration)))
        if iteration:
            self._background.start()

    @rank_zero_only
    def log_picture(self, name: str, path: Path, step: int) -> None:
        """Send the picture in ``path``, made after iteration ``step``."""
        self._background.add(lambda: self.attempt(lambda: self.send_picture(name, path, step)))

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Send what is left and close; ``status`` is ``success`` or what Lightning calls the end."""
        self._background.add(lambda: self.attempt(lambda: self.close(status)))
        self._background.finish()
        if self.failed:
            self.abandon()

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: config.yaml holds them."""

    @abstractmethod
    def send_metrics(self, metrics: dict[str, float], step: int) -> None:
        """Send one reading."""

    @abstractmethod
    def send_picture(self, name: str, path: Path, step: int) -> None:
        """Send a picture."""

    @abstractmethod
    def close(self, status: str) -> None:
        """Send what is left."""

    def abandon(self) -> None:
        """Let go of what a failure has left behind; called at the end, must not raise."""

    def attempt(self, call: Callable[[], None]) -> None:
        """Run ``call``; if it fails, say so once and do nothing from then on."""
        if self.failed:
            return
        try:
            call()
        except Exception as error:  # noqa: BLE001 — whatever goes wrong in there, the run matters more
            self.failed = True
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            log.warning(
                "%s stopped working (%s); training goes on without it, metrics.csv holds everything",
                self.title,
                reason,
            )
