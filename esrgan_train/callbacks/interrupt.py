"""Stops a run on a signal, after a time or for lack of data, without losing anything."""

from __future__ import annotations

import logging
import signal
import time
from typing import Any, NoReturn

from lightning import Callback, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Timer

from esrgan_train import signals
from esrgan_train.bounds import bounded
from esrgan_train.callbacks.checkpoints import Checkpoints
from esrgan_train.callbacks.lookup import callback_of
from esrgan_train.data.datamodule import DataModule
from esrgan_train.errors import RunError, StopAtOnceError, StopRequestedError, UserError
from esrgan_train.processes import Agreement, gather_objects, is_distributed
from esrgan_train.training.module import ESRGANModule

log = logging.getLogger(__name__)

# What a process may ask for besides a signal's number. The largest number of all processes counts.
_NO_DATA = 1  # below the number of every signal: a run that was asked to stop says so
_TIME_IS_UP = 1000


class Interrupt(Callback):
    """Saves a checkpoint and ends the run on SIGINT, SIGTERM and SIGUSR1, after ``max_time``, or without data.

    A signal is only noted, and a loader that fails keeps its failure (``TrainingLoader``). Before each iteration
    the processes exchange what they ask for, so all of them stop after the same one. A second SIGINT stops at
    once, without saving. Lightning's own handlers, such as the one that requeues SLURM jobs, are replaced.

    Args:
        max_time: how long this process may train, as days:hours:minutes:seconds; None sets no limit.
    """

    @bounded
    def __init__(self, *, max_time: str | None) -> None:
        try:
            self.max_seconds = Timer(duration=max_time).time_remaining()
        except MisconfigurationException as error:
            raise UserError(
                f"trainer.max_time={max_time!r}: give days:hours:minutes:seconds, such as 00:08:00:00"
            ) from error
        self._deadline = float("inf")
        self._agreement: Agreement | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        self._agreement = Agreement()
        if self.max_seconds is not None:
            self._deadline = time.monotonic() + self.max_seconds
        signals.take_over()

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """Take the signals back from Lightning."""
        signals.take_over()

    on_sanity_check_start = on_train_start

    def on_train_batch_start(self, trainer: Trainer, pl_module: ESRGANModule, *_: Any) -> None:
        """Save and stop if any process asks for it: the last iteration is complete, and so is its validation."""
        assert self._agreement is not None
        failure = _failure_of_data(trainer)
        time_is_up = time.monotonic() > self._deadline
        request = signals.requested() or (_TIME_IS_UP if time_is_up else _NO_DATA if failure else 0)
        agreed = self._agreement.exchange(request)
        if not agreed:
            return
        done = trainer.global_step
        saved = f"after {done} iterations; {_save(trainer, pl_module)}" if done else "before the first iteration"
        if agreed == _NO_DATA:
            self._end_without_data(trainer, failure, saved)
        name = "trainer.max_time" if agreed == _TIME_IS_UP else signal.Signals(agreed).name
        raise StopRequestedError(f"stopped by {name} {saved}", 0 if agreed == _TIME_IS_UP else agreed)

    def on_exception(self, trainer: Trainer, pl_module: ESRGANModule, exception: BaseException) -> None:
        """Save if validation failed, unless it may have failed in this one of several processes alone."""
        if not trainer.validating or not trainer.global_step or is_distributed():
            return
        if isinstance(exception, Exception) and not isinstance(exception, StopAtOnceError):
            try:
                saved = _save(trainer, pl_module)
            except RuntimeError as error:  # of a device that is gone
                saved = f"it could not be saved: {error}"
            log.warning("validation failed after %d iterations; %s", trainer.global_step, saved)

    def _end_without_data(self, trainer: Trainer, failure: Exception | None, saved: str) -> NoReturn:
        """Raise the failure; the first process also raises that of another."""
        kind = UserError if isinstance(failure, UserError) else RunError
        sent = None if failure is None else kind(str(failure))
        first = next(each for each in gather_objects(sent) if each is not None)
        if not trainer.is_global_zero:
            raise StopRequestedError("stopped, as a process has no data", 0)
        log.warning("no more data %s", saved)
        raise failure or first


def _save(trainer: Trainer, module: ESRGANModule) -> str:
    if (checkpoints := callback_of(trainer, Checkpoints)) is None:
        return "not saved, as callbacks.checkpoints is off"
    return "saved" if checkpoints.save(trainer, module) else "it could not be saved"


def _failure_of_data(trainer: Trainer) -> Exception | None:
    datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
    return datamodule.failure if isinstance(datamodule, DataModule) else None  # another raises it itself
