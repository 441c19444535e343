"""A sheet of training samples."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from esrgan_train.data.training_set import TrainingSet
from esrgan_train.images.encode import shown
from esrgan_train.images.sheet import Tile, labelled_sheet

_PAIRS_PER_ROW = 2
_TILE_SIDE = 224  # smaller crops are shown two, three … times as large


def pairs_sheet(training: TrainingSet, indices: Iterable[int]) -> NDArray[np.uint8]:
    """HR next to LR, enlarged by repeating pixels, for each sample number: (H, W, 3) RGB, two pairs per row.

    Labels give sample number, photo and, if it is not 1, the scale at which the photo was used; those of LR the
    augmentation, if there is one.
    """
    gt_size, upscale = training.options.gt_size, training.options.upscale
    zoom = max(1, _TILE_SIDE // gt_size)
    tiles: list[Tile] = []
    for n in indices:
        sample = training.sample(n)
        resized = "" if sample.scale == 1 else f" at {sample.scale:.2f}"
        for label, image, times in (
            (f"{n}  {sample.name}{resized}", sample.hr, zoom),
            (f"{n}  LR, {sample.altered or f'1/{upscale} of the size'}", sample.lr, zoom * upscale),
        ):
            tiles.append((label, shown(image).repeat(times, axis=0).repeat(times, axis=1)))
    step = 2 * _PAIRS_PER_ROW
    rows = [tiles[start : start + step] for start in range(0, len(tiles), step)]
    return labelled_sheet(rows, title="Training pairs: HR crop of the photo, and its LR")
