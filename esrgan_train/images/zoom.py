"""Enlarging pictures so that their pixels can be seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def repeated(image: NDArray[Any], times: int) -> NDArray[Any]:
    """Each pixel of (H, W, C) as a square of ``times`` pixels a side."""
    return image.repeat(times, axis=0).repeat(times, axis=1)


def at_same_place(
    image: NDArray[Any], place: tuple[slice, slice], grid: tuple[int, int], times: int
) -> NDArray[Any]:
    """What a picture of any size shows at a place of a grid that lies over all of it, by the nearest pixels.

    Pictures of one motif in several sizes show the same part of it, equally large.

    Args:
        image: (H, W, C).
        place: rows and columns of the grid.
        grid: how many rows and columns there are.
        times: pixels of the result for each row and column.

    Shape:
        (rows · times, columns · times, C).
    """
    (rows, columns), (height, width) = place, image.shape[:2]
    return image[_nearest(rows, grid[0], height, times)[:, None], _nearest(columns, grid[1], width, times)]


def _nearest(part: slice, of: int, length: int, times: int) -> NDArray[np.int64]:
    """For each pixel of the result the one under its centre, in whole numbers."""
    twice = 2 * np.arange(part.start * times, part.stop * times, dtype=np.int64) + 1  # centres, in half pixels
    return twice * length // (2 * of * times)
