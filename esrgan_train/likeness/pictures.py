"""Crops of the two kinds of LR that are compared."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from esrgan_train.data.channels import as_seen
from esrgan_train.data.training_set import TrainingSet
from esrgan_train.errors import UserError
from esrgan_train.images.colour import Colour, as_gray
from esrgan_train.images.decode import Picture, UnreadableImageError, decode, to_float
from esrgan_train.images.encode import shown
from esrgan_train.images.find import find_photos

log = logging.getLogger(__name__)


class Crop(NamedTuple):
    """A square of a picture."""

    name: str  # of the picture
    image: NDArray[np.uint8]  # (side, side, 3), as networks see it


def made_crops(training: TrainingSet, count: int) -> list[Crop]:
    """LR of the first ``count`` training samples."""
    samples = (training.sample(n) for n in range(count))
    return [Crop(f"{n}  {sample.name}", shown(sample.lr)) for n, sample in enumerate(samples)]


def own_crops(folder: Path, count: int, *, side: int, colour: Colour) -> list[Crop]:
    """About ``count`` crops of ``side`` pixels, at random places of pictures evenly spread over a folder.

    The same each time. Pictures that cannot be read, or are smaller, are named and left out.

    Raises:
        UserError: the folder is missing, or none of its pictures can be used.
    """
    table = find_photos(folder, option="--like", say=log.info)
    chosen = np.linspace(0, len(table) - 1, min(count, len(table))).astype(int)
    crops: list[Crop] = []
    for turn, index in enumerate(map(int, chosen)):
        try:
            picture = decode(table[index])
        except UnreadableImageError as error:
            log.warning("%s; it is left out", error)
            continue
        if min(picture.shape[:2]) < side:
            size = f"{picture.shape[1]} × {picture.shape[0]}"
            log.warning("%s is left out: its %s pixels hold no crop of %d", table[index], size, side)
            continue
        of_it = count * (turn + 1) // len(chosen) - count * turn // len(chosen)
        rng = np.random.default_rng(index)
        crops += [Crop(table.relative(index), _cut(picture, side, colour, rng)) for _ in range(of_it)]
    if not crops:
        raise UserError(
            f"--like={folder} holds no picture that can be read and has {side} × {side} pixels: give others, or a "
            "smaller data.gt_size"
        )
    return crops


def _cut(picture: Picture, side: int, colour: Colour, rng: np.random.Generator) -> NDArray[np.uint8]:
    top, left = (int(rng.integers(length - side + 1)) for length in picture.shape[:2])
    part = picture[top : top + side, left : left + side]
    return shown(as_seen(to_float(as_gray(part) if colour == "gray" else part), colour))
