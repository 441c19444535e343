"""previews/step_00000000.png: held-out photos as LR, bicubic, SR and HR, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from lightning import Callback, Trainer
from torch import Tensor

from esrgan_train.bounds import Count, WholeNumber, bounded
from esrgan_train.files import reporting_failure
from esrgan_train.images.crop import middle, reduced
from esrgan_train.images.encode import to_uint8, write_image
from esrgan_train.images.sheet import labelled_sheet
from esrgan_train.inference.baseline import enlarge_bicubic
from esrgan_train.loggers.background import Background
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import STAGE_NAMES

Tile = tuple[str, npt.NDArray[np.uint8]]


class Previews(Callback):
    """Writes one sheet at each validation, and one before training starts.

    Args:
        max_photos: rows of the sheet: the first held-out photos.
        crop: side of the square that is cut from the middle of each photo, in HR pixels.
    """

    @bounded
    def __init__(self, *, run_dir: str, max_photos: WholeNumber, crop: Count) -> None:
        self.folder = Path(run_dir) / "previews"
        self.max_photos = max_photos
        self.crop = crop
        self._rows: list[list[Tile]] = []

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: ESRGANModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        if not outputs or len(self._rows) >= self.max_photos or not trainer.is_global_zero:
            return
        name, upscale = batch["name"][0], pl_module.upscale
        part = [middle(side, most=self.crop, step=upscale) for side in batch["hr"].shape[-2:]]
        lr = _cut(batch["lr"], [reduced(side, upscale) for side in part])
        tiles = {"LR": lr.repeat(upscale, 0).repeat(upscale, 1)}
        large = {"bicubic": enlarge_bicubic(batch["lr"], upscale), "SR": outputs["sr"], "HR": batch["hr"]}
        tiles |= {label: _cut(image, part) for label, image in large.items()}
        self._rows.append([(f"{name} {label}", tile) for label, tile in tiles.items()])

    def on_validation_end(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        if not trainer.is_global_zero:
            return
        rows, self._rows = self._rows, []
        step = trainer.global_step
        stage = pl_module.objective.stage_of(step)
        title = f"iteration {step} ({STAGE_NAMES[stage]})" if step else "before training"
        path = self.folder / f"step_{step:08}.png"
        sheet = labelled_sheet(rows, title=title)
        with reporting_failure(str(self.folder)):
            write_image(path, sheet)
            for logger in trainer.loggers:
                if isinstance(logger, Background):
                    logger.log_image("previews", [str(path)], step)


def _cut(image: Tensor, part: Sequence[slice]) -> npt.NDArray[np.uint8]:
    """Rows and columns of a (1, 3, H, W) image."""
    rows, columns = part
    return to_uint8(image[0, :, rows, columns].float().permute(1, 2, 0).cpu().numpy())
