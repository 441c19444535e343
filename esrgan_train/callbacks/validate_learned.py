"""val/lpips and val/dists, where their weights can be had."""

from __future__ import annotations

import logging
from typing import Any, Literal

from lightning import Callback, Trainer

from esrgan_train.bounds import bounded
from esrgan_train.metrics.learned import DISTS, LPIPS, Learned, Mean
from esrgan_train.training.module import ESRGANModule

log = logging.getLogger(__name__)

Use = Literal["auto"] | bool  # bounds.py reads it


class ValidateLearned(Callback):
    """Logs one of these measures at each validation; a subclass says which.

    Args:
        use: ``auto`` takes the weights if they are in torch.hub's cache; true fetches them if necessary, and fails
            without them; false leaves the value out.
    """

    measure: Learned

    @bounded
    def __init__(self, *, use: Use) -> None:
        if use is True:
            self.measure.fetch()
        self.missing = use == "auto" and not self.measure.file.exists()
        self.metric: Mean | None = self.measure.make() if use and not self.missing else None
        self._count = 0

    def on_fit_start(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        if self.metric is not None:
            self.metric.to(pl_module.device)

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: ESRGANModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Compare one photo, unless it is too small."""
        if self.metric is not None and outputs and min(batch["hr"].shape[-2:]) >= self.measure.smallest:
            self.metric.update(outputs["sr"], batch["hr"])
            self._count += 1

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        count, self._count = self._count, 0
        if self.metric is None or not (count or trainer.world_size > 1):
            return
        pl_module.log_validation({self.measure.logged: float(self.metric.compute())})


class ValidateLpips(ValidateLearned):
    """Logs ``val/lpips``; says how to get its weights if ``use`` is ``auto`` and they are not there."""

    measure = LPIPS

    def on_fit_start(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        super().on_fit_start(trainer, pl_module)
        if self.missing and trainer.is_global_zero:
            log.info(
                "lpips         left out: %s is not there; callbacks.lpips.use=true fetches it (%s)",
                *(self.measure.file, self.measure.size),
            )


class ValidateDists(ValidateLearned):
    """Logs ``val/dists``."""

    measure = DISTS
