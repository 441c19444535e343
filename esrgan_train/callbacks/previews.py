"""previews/step_00000000.png: held-out photos as LR, bicubic, SR and HR; real_00000000.png: those without HR.

``previews/crops/`` holds the same pictures one by one, and ``previews/pairs/`` the first pairs trained on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from lightning import Callback, Trainer
from torch import Tensor

from esrgan_train.bounds import Count, WholeNumber, bounded
from esrgan_train.callbacks.crops import FOLDER, Shown, write_crops
from esrgan_train.callbacks.pairs import FOLDER as PAIRS
from esrgan_train.callbacks.pairs import write_pairs
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
_PAIRS = 6  # of the first batch
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
        self.run_dir = Path(run_dir)
        self.folder = self.run_dir / "previews"
        self.max_photos = max_photos
        self.crop = crop
        self._shown: dict[str, list[Shown]] = {HELD_OUT: [], REAL: []}
        self._pairs_due = True

    def on_train_batch_start(self, trainer: Trainer, pl_module: ESRGANModule, batch: Any, *_: Any) -> None:
        """Keep pairs of the first batch; a resumed run keeps those that are there."""
        if self._pairs_due and trainer.is_global_zero and not (self.run_dir / PAIRS).exists():
            with reporting_failure(str(self.folder)):
                write_pairs(self.run_dir, _pictures(batch["lr"]), _pictures(batch["hr"]))
        self._pairs_due = False

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: ESRGANModule, outputs: Any, batch: Any, *_: Any
    ) -> None:
        if not outputs or len(self._shown[HELD_OUT]) >= self.max_photos or not trainer.is_global_zero:
            return
        if "draw" in batch and batch["draw"].any():
            return  # the photo is shown in its first
        upscale, hr, lr = pl_module.upscale, batch["hr"], batch["lr"]
        part = busiest_part(luma_of(_picture(hr)), most=side_shown(self.crop, upscale), step=upscale)
        large = {"bicubic": enlarge_bicubic(lr, upscale), "SR": outputs["sr"], "HR": hr}
        self._shown[HELD_OUT].append(_cut(batch["name"][0], lr, large, part, upscale))

    def on_real_picture(self, trainer: Trainer, pl_module: ESRGANModule, picture: Enlarged) -> None:
        """Keep the part with the most detail."""
        if len(self._shown[REAL]) >= self.max_photos:
            return
        upscale, lr = pl_module.upscale, picture.lr
        low = busiest_part(luma_of(_picture(lr)), most=side_shown(self.crop, upscale) // upscale, step=1)
        rows, columns = (slice(lines.start * upscale, lines.stop * upscale) for lines in low)
        large = {"bicubic": enlarge_bicubic(lr, upscale), "SR": picture.sr}
        self._shown[REAL].append(_cut(picture.name, lr, large, (rows, columns), upscale))

    def on_validation_end(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        if not trainer.is_global_zero:
            return
        photos, self._shown = self._shown, {HELD_OUT: [], REAL: []}
        step = trainer.global_step
        stage = pl_module.objective.stage_of(step)
        title = f"iteration {step} ({STAGE_NAMES[stage]})" if step else "before training"
        with reporting_failure(str(self.folder)):
            for kind, found in ((kind, found) for kind, found in photos.items() if found):
                path = self.folder / f"{kind}_{step:08}.png"
                write_image(path, labelled_sheet([tiles_of(photo) for photo in found], title=title))
                for logger in trainer.loggers:
                    if isinstance(logger, Background):
                        logger.log_image(_IN_LOGGERS[kind], [str(path)], step)
            write_crops(self.run_dir / FOLDER, [*photos[HELD_OUT], *photos[REAL]], step)


def tiles_of(photo: Shown) -> list[Tile]:
    """The row of a sheet, its pictures equally large."""
    times = max(1, _TILE_SIDE // max(photo.large["SR"].shape[:2]))
    enlarged = f" ×{times}" if times > 1 else ""
    low = times * photo.upscale
    return [
        (f"LR ×{low}  {photo.name}", repeated(photo.lr, low)),
        *((f"{label}{enlarged}", repeated(picture, times)) for label, picture in photo.large.items()),
    ]


def _cut(name: str, lr: Tensor, large: dict[str, Tensor], part: Part, upscale: int) -> Shown:
    """A part of LR and of its enlargements, (1, C, h, w) and (1, C, h·upscale, w·upscale)."""
    rows, columns = (reduced(lines, upscale) for lines in part)
    parts = {label: _picture(image[..., part[0], part[1]]) for label, image in large.items()}
    return Shown(name, upscale, _picture(lr[..., rows, columns]), parts)


def _pictures(batch: Tensor) -> list[npt.NDArray[np.uint8]]:
    """The first of (B, C, H, W), each (H, W, 3)."""
    return [_picture(image[None]) for image in batch[:_PAIRS]]


def _picture(image: Tensor) -> npt.NDArray[np.uint8]:
    """(1, C, H, W) in [0, 1] to (H, W, 3)."""
    return shown(image[0].float().permute(1, 2, 0).cpu().numpy())
