"""Ends a run that no longer gets better."""

from __future__ import annotations

import logging
from typing import Any

import torch
from lightning import Trainer
from lightning.pytorch import callbacks

from esrgan_train.bounds import Count, NonNegative, WholeNumber, bounded
from esrgan_train.callbacks.best import measured_otherwise, monitored
from esrgan_train.callbacks.criterion import resolved_mode
from esrgan_train.metrics.directions import Mode
from esrgan_train.training.module import ESRGANModule

log = logging.getLogger(__name__)


class EarlyStopping(callbacks.EarlyStopping):
    """Lightning's, which also waits for ``start_step``, and resumes its best only if it can still be compared.

    The last validation is still saved.

    Args:
        monitor: a value logged by validation, such as ``val/psnr``.
        mode: which value is the better one, where that is not known.
        patience: validations without a better value after which the run ends.
        min_delta: a value must be better by more than this.
        start_step: validations up to this iteration do not count, such as those of the pixel stage.
    """

    state_key = "EarlyStopping"  # in checkpoints; Lightning's has the options in it

    @bounded
    def __init__(
        self, *, monitor: str, mode: Mode | None, patience: Count, min_delta: NonNegative, start_step: WholeNumber
    ) -> None:
        mode = resolved_mode("callbacks.early_stopping", monitor, mode)
        super().__init__(
            monitor, min_delta, patience, mode=mode, check_finite=False, check_on_train_epoch_end=False
        )
        self.start_step = start_step
        self._worst = self.best_score
        self._comparable = True

    def on_validation_end(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        if trainer.sanity_checking or trainer.global_step <= self.start_step:
            return
        monitored(trainer, "callbacks.early_stopping.monitor", self.monitor)
        ended = trainer.should_stop
        super().on_validation_end(trainer, pl_module)
        if trainer.should_stop and not ended:
            log.info(
                "iteration %d: %s has not been better than %.4g for %d validations: the run ends here",
                *(trainer.global_step, self.monitor, self.best_score, self.wait_count),
            )
            pl_module.log_rest()

    @property
    def _measure(self) -> dict[str, Any]:
        return {"monitor": self.monitor, "sign": 1 if self.mode == "max" else -1}

    def state_dict(self) -> dict[str, Any]:
        best = None if self.best_score == self._worst else self.best_score.item()
        return {"best": best, "waited": self.wait_count, **self._measure}

    def on_load_checkpoint(self, trainer: Trainer, pl_module: ESRGANModule, checkpoint: dict[str, Any]) -> None:
        self._comparable = not measured_otherwise(checkpoint, pl_module)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        unchanged = all(state_dict.get(name, value) == value for name, value in self._measure.items())
        if not (self._comparable and unchanged):
            log.info("early stopping starts again: its best so far cannot be compared with new values")
            return
        self.wait_count = state_dict["waited"]
        if state_dict["best"] is not None:
            self.best_score = torch.tensor(state_dict["best"])
