"""previews/step_00000000.png: held-out photos as LR, bicubic, SR and HR, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from esrgan_train.files import reporting_failure
from esrgan_train.images.encode import to_uint8, write_image
from esrgan_train.images.sheet import labelled_sheet
from esrgan_train.loggers.attempts import OptionalLogger
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.objective import STAGE_NAMES

Tile = tuple[str, npt.NDArray[np.uint8]]


class Previews(Callback):
    """Writes one sheet at each validation, and one before training starts.

    Args:
        run_dir: the run folder.
        max_photos: rows of the sheet: the first held-out photos.
        crop: side of the square that is cut from the middle of each photo, in HR pixels.
    """

    def __init__(self, *, run_dir: str, max_photos: int, crop: int) -> None:
        self.folder = Path(run_dir) / "previews"
        self.max_photos = max_photos
        self.crop = crop
        self._rows: list[list[Tile]] = []

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Cut this photo's row."""
        assert isinstance(pl_module, ESRGANModule)
        if len(self._rows) >= self.max_photos or not trainer.is_global_zero:
            return
        nearest = F.interpolate(batch["lr"], scale_factor=float(pl_module.upscale), mode="nearest")
        images = {"LR": nearest, "bicubic": outputs["bicubic"], "SR": outputs["sr"], "HR": batch["hr"]}
        name = batch["name"][0]
        self._rows.append(
            [(f"{name} {label}", _middle(image, self.crop, pl_module.upscale)) for label, image in images.items()]
        )

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the sheet."""
        if not trainer.is_global_zero:
            return
        assert isinstance(pl_module, ESRGANModule)
        rows, self._rows = self._rows, []
        step = trainer.global_step
        stage = pl_module.objective.stage(max(step - 1, 0))
        title = f"iteration {step} ({STAGE_NAMES[stage]})" if step else "before training"
        path = self.folder / f"step_{step:08}.png"
        sheet = labelled_sheet(rows, title=title)
        with reporting_failure(str(self.folder)):
            write_image(path, sheet)
            for logger in trainer.loggers:
                if isinstance(logger, OptionalLogger):
                    logger.log_picture("previews", path, step)


def _middle(image: Tensor, crop: int, upscale: int) -> npt.NDArray[np.uint8]:
    """The middle ``crop`` × ``crop`` of a (1, 3, H, W) image, or all of it, from a whole LR pixel on."""
    height, width = image.shape[-2:]
    top, left = (max(0, (side - crop) // 2 // upscale * upscale) for side in (height, width))
    cut = image[0, :, top : top + crop, left : left + crop]
    return to_uint8(cut.float().permute(1, 2, 0).cpu().numpy())
