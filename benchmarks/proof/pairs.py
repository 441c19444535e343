"""Photographs and their reductions as files that both trainers read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.proof.photographs import Photograph, Picture, reductions
from esrgan_train.images.encode import write_image

TILE = 480  # HR pixels a side at most: both trainers decode a whole file for each crop
_OVERLAP = 0.5  # of neighbouring tiles, as in the published preparation of data


def write_pairs(photographs: Sequence[Photograph], folder: Path, *, scale: int) -> int:
    """Write parts of photographs to ``hr/``, their bicubic reductions to ``lr/``; how many they are."""
    (way,) = reductions(["bicubic"], scale=scale, draws=1)
    count = 0
    for photograph in photographs:
        ((_, low),) = way.lows(photograph, seed=0)
        for number, (rows, columns) in enumerate(tiles(photograph.hr, scale)):
            name = f"{photograph.name}_{number:02}.png"
            lr_part = tuple(slice(part.start // scale, part.stop // scale) for part in (rows, columns))
            write_image(folder / "hr" / name, np.ascontiguousarray(photograph.hr[rows, columns]))
            write_image(folder / "lr" / name, np.ascontiguousarray(low[lr_part]))
            count += 1
    return count


def tiles(picture: Picture, step: int) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of parts that cover a picture, whose corners are multiples of ``step``."""
    for rows in _parts(picture.shape[0], step):
        for columns in _parts(picture.shape[1], step):
            yield rows, columns


def _parts(length: int, step: int) -> list[slice]:
    side = min(TILE, length)
    count = 1 + int(np.ceil((length - side) / (TILE * (1 - _OVERLAP))))
    starts = np.linspace(0, length - side, count) // step * step
    return [slice(int(start), int(start) + side) for start in dict.fromkeys(starts)]
