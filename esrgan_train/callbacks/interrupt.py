"""Stopping a run from outside, or after a time, without losing anything."""

from __future__ import annotations

import logging
import signal
import time
from types import FrameType
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Timer

from esrgan_train.callbacks.checkpoints import Checkpoints
from esrgan_train.errors import StopRequestedError, UserError
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.processes import Agreement

log = logging.getLogger(__name__)

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name))
_TIME_IS_UP = 1000  # above every signal's number


class Interrupt(Callback):
    """Lets SIGINT, SIGTERM and SIGUSR1, or the end of ``max_time``, save a checkpoint and end the run.

    A handler only sets a flag. Before each iteration the processes agree on it, so that all of them stop after
    the same one. A second SIGINT stops at once, without saving. Lightning's own handlers, its requeueing of
    SLURM jobs among them, are replaced while training runs.

    Args:
        max_time: how long this process may train, as days:hours:minutes:seconds; None is without limit. What an
            earlier part of the run took does not count.
    """

    def __init__(self, *, max_time: str | None) -> None:
        try:
            self.max_seconds = Timer(duration=max_time).time_remaining()
        except MisconfigurationException as error:
            raise UserError(
                f"trainer.max_time={max_time!r}: give days:hours:minutes:seconds, such as 00:08:00:00"
            ) from error
        self.requested = 0
        self._deadline = float("inf")
        self._agreement: Agreement | None = None
        self._previous: dict[int, Any] = {}

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self._agreement = Agreement()
        if self.max_seconds is not None:
            self._deadline = time.monotonic() + self.max_seconds
        self._take_over()

    def on_sanity_check_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Lightning has taken them in the meantime."""
        self._take_over()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The same, where nothing is validated first."""
        self._take_over()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Stop here if any process was asked to: the iteration before is complete, and so is its validation.

        Raises:
            StopRequestedError: after saving.
        """
        assert self._agreement is not None
        assert isinstance(pl_module, ESRGANModule)
        wish = self.requested or (_TIME_IS_UP if time.monotonic() > self._deadline else 0)
        agreed = self._agreement.exchange(wish)
        if not agreed:
            return
        name = "trainer.max_time" if agreed == _TIME_IS_UP else signal.Signals(agreed).name
        done = trainer.global_step
        saved = "nothing to save"
        if done > 0:
            checkpoints = next(c for c in trainer.callbacks if isinstance(c, Checkpoints))  # type: ignore[attr-defined]
            saved = "saved" if checkpoints.save(trainer, pl_module) else "the last checkpoint is an earlier one"
        raise StopRequestedError(
            f"stopped by {name} after {done} iterations; {saved}", 0 if agreed == _TIME_IS_UP else agreed
        )

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous.clear()

    def _take_over(self) -> None:
        for number in SIGNALS:
            previous = signal.signal(number, self._note)
            self._previous.setdefault(number, previous)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.requested == signal.SIGINT:
            raise StopRequestedError(
                "stopped at once by a second SIGINT; the last checkpoint is an earlier one", number
            )
        self.requested = number
