"""The same held-out photos through each run's model."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from esrgan_train.build import build_datamodule
from esrgan_train.compare.runs import Run
from esrgan_train.errors import UserError
from esrgan_train.images.crop import middle, reduced
from esrgan_train.images.encode import shown
from esrgan_train.images.sheet import labelled_sheet
from esrgan_train.inference.baseline import REACH, enlarge_bicubic
from esrgan_train.inference.tiling import Part, enlarge_part

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A held-out photo: what is shown of it, and what models are given."""

    lr: torch.Tensor  # (1, 3, h, w) in [0, 1]
    part: Part  # of lr, that is shown
    hr: NDArray[np.uint8]  # the same part, (H, W, 3)


Photos = dict[str, Photo]  # by name


def held_out_of(runs: Sequence[Run], count: int, *, crop: int) -> list[Photos]:
    """The first held-out photos of each run.

    A run whose photos are gone, such as one copied from another machine, gets those of the first run of its scale
    and colour that has them.
    """
    found: list[Photos] = []
    for run in runs:
        try:
            found.append(_held_out(run, count, crop=crop))
        except UserError as error:
            log.warning("the held-out photos of %s are not here (%s)", run.name, error)
            found.append({})
    lenders = {run.pictures: photos for run, photos in reversed([*zip(runs, found, strict=True)]) if photos}
    return [photos or lenders.get(run.pictures, {}) for run, photos in zip(runs, found, strict=True)]


def draw_crops(runs: Sequence[Run], photographs: Sequence[Photos]) -> NDArray[np.uint8]:
    """The crops side by side, with bicubic and HR.

    Each model gets the LR of its own run; a warning says where that differs from the first run's.
    """
    for run, photos in zip(runs[1:], photographs[1:], strict=True):
        _warn_of_differences(runs[0], photographs[0], run, photos)
    rows = []
    for name in dict.fromkeys(name for photos in photographs for name in photos):
        having = [(run, photos[name]) for run, photos in zip(runs, photographs, strict=True) if name in photos]
        owner, photo = having[0]
        bicubic = partial(enlarge_bicubic, upscale=owner.upscale)
        rows.append([
            (f"{name} bicubic", _enlarged(bicubic, photo, radius=REACH, upscale=owner.upscale)),
            *((r.name, _enlarged(r.generator, p, radius=r.radius, upscale=r.upscale)) for r, p in having),
            ("HR", photo.hr),
        ])  # fmt: skip
    return labelled_sheet(rows, title="held-out photos")


def _warn_of_differences(first: Run, photos: Photos, other: Run, theirs: Photos) -> None:
    names, scales = (other.name, first.name), (other.upscale, first.upscale)
    if scales[0] != scales[1]:
        log.warning("%s upscales ×%d, %s ×%d: their photos differ", names[0], scales[0], names[1], scales[1])
    if list(theirs) != list(photos):
        log.warning("%s was validated with other photos than %s: compare those of both", *names)
    elif any(not torch.equal(theirs[name].lr, photos[name].lr) for name in theirs):
        log.warning("%s was validated with photos that were degraded differently from those of %s", *names)


def _held_out(run: Run, count: int, *, crop: int) -> Photos:
    """The run's first held-out photos, degraded as in its validation; only the middle of HR."""
    config = run.config.copy()
    config.data.num_workers = 0
    datamodule = build_datamodule(config)
    datamodule.setup("validate")
    found: Photos = {}
    for batch in datamodule.val_dataloader():
        if len(found) == count:
            break
        if not batch["counts"].all() or batch["draw"].any():  # unreadable, or another draw of one shown
            continue
        rows, columns = (middle(side, most=crop, step=run.upscale) for side in batch["hr"].shape[-2:])
        found[batch["name"][0]] = Photo(
            lr=batch["lr"],
            part=(reduced(rows, run.upscale), reduced(columns, run.upscale)),
            hr=_picture(batch["hr"][..., rows, columns]),
        )
    return found


def _enlarged(
    network: Callable[[torch.Tensor], torch.Tensor], photo: Photo, *, radius: int | None, upscale: int
) -> NDArray[np.uint8]:
    with torch.inference_mode():
        return _picture(enlarge_part(network, photo.lr, photo.part, radius=radius, scale=upscale))


def _picture(image: torch.Tensor) -> NDArray[np.uint8]:
    """(1, C, H, W) in [0, 1] to (H, W, 3)."""
    return shown(image[0].float().permute(1, 2, 0).numpy())
