"""val/lpips, where its weights can be had."""

from __future__ import annotations

import logging
from typing import Any, Literal

from lightning import Callback, Trainer

from esrgan_train.bounds import bounded
from esrgan_train.metrics.lpips import SMALLEST, Lpips, fetch_weights, weights_file
from esrgan_train.training.module import ESRGANModule

log = logging.getLogger(__name__)


class ValidateLpips(Callback):
    """Logs ``val/lpips`` at each validation.

    Args:
        use: ``auto`` takes the weights if they are in torch.hub's cache, and otherwise says how to get them;
            true fetches them if necessary, and fails without them; false leaves the value out.
    """

    @bounded
    def __init__(self, *, use: Literal["auto"] | bool) -> None:
        if use is True:
            fetch_weights()
        self.missing = use == "auto" and not weights_file().exists()
        self.metric = Lpips() if use and not self.missing else None
        self._count = 0

    def on_fit_start(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        if self.metric is not None:
            self.metric.to(pl_module.device)
        elif self.missing and trainer.is_global_zero:
            log.info(
                "lpips         left out: %s is not there; callbacks.lpips.use=true fetches it (244 MB)",
                weights_file(),
            )

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: ESRGANModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        """Compare one photo, unless it is too small."""
        if self.metric is not None and outputs and min(batch["hr"].shape[-2:]) >= SMALLEST:
            self.metric.update(outputs["sr"], batch["hr"])
            self._count += 1

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        count, self._count = self._count, 0
        if self.metric is None or not (count or trainer.world_size > 1):
            return
        pl_module.log_validation({"val/lpips": float(self.metric.compute())})
