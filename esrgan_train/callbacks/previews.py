"""previews/step_00000000.png: held-out photos as LR, bicubic, SR and HR; real_00000000.png: those without HR."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from lightning import Callback, Trainer
from torch import Tensor

from esrgan_train.bounds import Count, WholeNumber, bounded
from esrgan_train.callbacks.real_pictures import Enlarged, TakesReal
from esrgan_train.files import reporting_failure
from esrgan_train.images.crop import reduced
from esrgan_train.images.encode import shown, write_image
from esrgan_train.images.sheet import Tile, labelled_sheet
from esrgan_train.images.zoom import repeated
from esrgan_train.inference.baseline import enlarge_bicubic
from esrgan_train.loggers.background import Background
from esrgan_train.screening.detail import busiest_part
from esrgan_train.screening.luma import luma_of
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import STAGE_NAMES

Part = tuple[slice, slice]  # rows and columns

HELD_OUT, REAL = "step", "real"  # how the names of the sheets begin
_IN_LOGGERS = {HELD_OUT: "previews", REAL: "previews_real"}
_TILE_SIDE = 384  # pixels, about: smaller parts are shown two, three … times as large
_LR_SIDE, _HR_SIDE = 48, 96  # pixels of the part: so many of LR, and at least so many of HR


def side_shown(crop: int | None, upscale: int) -> int:
    """Side in HR pixels of the part that is shown: as given, or such that an LR pixel can be seen."""
    return max(_LR_SIDE * upscale, _HR_SIDE) if crop is None else crop


class Previews(Callback, TakesReal):
    """Writes a sheet at each validation, and one before training starts; another for ``data.val_lr_dir``.

    Of each photo the part with the most detail is shown. HR alone decides which, or LR where there is no HR, so it
    is the same at each validation, also after resuming.

    Args:
        max_photos: rows of a sheet: the first photos.
        crop: side of the square that is shown of each photo, in HR pixels; None: 48 LR pixels, at least 96 of HR.
    """

    @bounded
    def __init__(self, *, run_dir: str, max_photos: WholeNumber, crop: Count | None) -> None:
        self.folder = Path(run_dir) / "previews"
        self.max_photos = max_photos
        self.crop = crop
        self._rows: dict[str, list[list[Tile]]] = {HELD_OUT: [], REAL: []}

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: ESRGANModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        if not outputs or len(self._rows[HELD_OUT]) >= self.max_photos or not trainer.is_global_zero:
            return
        if "draw" in batch and batch["draw"].any():
            return  # the photo is shown in its first
        upscale, hr, lr = pl_module.upscale, batch["hr"], batch["lr"]
        part = busiest_part(luma_of(_picture(hr)), most=side_shown(self.crop, upscale), step=upscale)
        large = {"bicubic": enlarge_bicubic(lr, upscale), "SR": outputs["sr"], "HR": hr}
        self._rows[HELD_OUT].append(_row(batch["name"][0], lr, large, part, upscale))

    def on_real_picture(self, trainer: Trainer, pl_module: ESRGANModule, picture: Enlarged) -> None:
        """Keep the part with the most detail."""
        if len(self._rows[REAL]) >= self.max_photos:
            return
        upscale, lr = pl_module.upscale, picture.lr
        low = busiest_part(luma_of(_picture(lr)), most=side_shown(self.crop, upscale) // upscale, step=1)
        rows, columns = (slice(lines.start * upscale, lines.stop * upscale) for lines in low)
        large = {"bicubic": enlarge_bicubic(lr, upscale), "SR": picture.sr}
        self._rows[REAL].append(_row(picture.name, lr, large, (rows, columns), upscale))

    def on_validation_end(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        if not trainer.is_global_zero:
            return
        rows, self._rows = self._rows, {HELD_OUT: [], REAL: []}
        step = trainer.global_step
        stage = pl_module.objective.stage_of(step)
        title = f"iteration {step} ({STAGE_NAMES[stage]})" if step else "before training"
        with reporting_failure(str(self.folder)):
            for kind, sheet in (
                (kind, labelled_sheet(found, title=title)) for kind, found in rows.items() if found
            ):
                path = self.folder / f"{kind}_{step:08}.png"
                write_image(path, sheet)
                for logger in trainer.loggers:
                    if isinstance(logger, Background):
                        logger.log_image(_IN_LOGGERS[kind], [str(path)], step)


def _row(name: str, lr: Tensor, large: dict[str, Tensor], part: Part, upscale: int) -> list[Tile]:
    """A part of LR and of its enlargements, (1, C, h, w) and (1, C, h·upscale, w·upscale), all equally large."""
    times = max(1, _TILE_SIDE // max(lines.stop - lines.start for lines in part))
    rows, columns = (reduced(lines, upscale) for lines in part)
    tiles = [(f"LR ×{times * upscale}  {name}", repeated(_picture(lr[..., rows, columns]), times * upscale))]
    enlarged = f" ×{times}" if times > 1 else ""
    return tiles + [
        (f"{label}{enlarged}", repeated(_picture(image[..., part[0], part[1]]), times))
        for label, image in large.items()
    ]


def _picture(image: Tensor) -> npt.NDArray[np.uint8]:
    """(1, C, H, W) in [0, 1] to (H, W, 3)."""
    return shown(image[0].float().permute(1, 2, 0).cpu().numpy())
