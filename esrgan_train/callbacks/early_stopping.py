"""Ending a run whose results no longer get better."""

from __future__ import annotations

import logging
import math
from typing import Any

from lightning import Callback, LightningModule, Trainer

from esrgan_train.callbacks.best import measured_otherwise
from esrgan_train.errors import UserError
from esrgan_train.training.module import ESRGANModule

log = logging.getLogger(__name__)


class EarlyStopping(Callback):
    """Ends the run after ``patience`` validations without a better value; that validation is still saved.

    Args:
        monitor: a value logged by validation, such as ``val/psnr``.
        mode: ``max`` or ``min``: which value is the better one.
        patience: validations without a better value after which the run ends.
        min_delta: a value must be better by more than this.
        start_step: validations up to this iteration do not count, such as those of the pixel stage.

    Raises:
        UserError: an option that cannot be meant; a ``monitor`` that is never logged.
    """

    def __init__(self, *, monitor: str, mode: str, patience: int, min_delta: float, start_step: int) -> None:
        if mode not in ("max", "min"):
            raise UserError(f"callbacks.early_stopping.mode={mode} must be max or min")
        if isinstance(patience, bool) or not isinstance(patience, int) or patience < 1:
            raise UserError(f"callbacks.early_stopping.patience={patience!r}: give a whole number from 1 on")
        if not min_delta >= 0:
            raise UserError(f"callbacks.early_stopping.min_delta={min_delta!r}: give 0 or more")
        self.monitor = monitor
        self.sign = 1 if mode == "max" else -1
        self.patience = patience
        self.min_delta = min_delta
        self.start_step = start_step
        self.best: float | None = None
        self.waited = 0
        self._goes_on = True

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare with the best so far."""
        assert isinstance(pl_module, ESRGANModule)
        if trainer.sanity_checking or trainer.global_step <= self.start_step:
            return
        if self.monitor not in trainer.callback_metrics:
            known = ", ".join(name for name in trainer.callback_metrics if name.startswith("val/"))
            raise UserError(f"callbacks.early_stopping.monitor={self.monitor} is not logged: give one of {known}")
        if self.is_over(float(trainer.callback_metrics[self.monitor])) and trainer.global_step < trainer.max_steps:
            log.info(
                "iteration %d: %s has not been better than %.4g for %d validations: the run ends here",
                *(
                    trainer.global_step,
                    self.monitor,
                    self.best if self.best is not None else math.nan,
                    self.waited,
                ),
            )
            pl_module.log_rest()
            trainer.should_stop = True

    def is_over(self, value: float) -> bool:
        """Take in one validation's value; whether it is time to end. A value that is no number is no gain."""
        better = self.best is None or self.sign * (value - self.best) > self.min_delta
        if better and not math.isnan(value):
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        return self.waited >= self.patience

    @property
    def _of(self) -> dict[str, Any]:
        """What the best is a value of."""
        return {"monitor": self.monitor, "sign": self.sign}

    def state_dict(self) -> dict[str, Any]:
        """The best so far and how long ago it was, for the checkpoint."""
        return {"best": self.best, "waited": self.waited, **self._of}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Look whether values are still measured as those before."""
        assert isinstance(pl_module, ESRGANModule)
        self._goes_on = not measured_otherwise(checkpoint, pl_module)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on waiting; begin again where the best so far is of another value."""
        alike = all(state_dict.get(name, value) == value for name, value in self._of.items())
        if self._goes_on and alike:
            self.best, self.waited = state_dict["best"], state_dict["waited"]
        else:
            log.info("early stopping begins again: its best so far cannot be compared with what comes")
