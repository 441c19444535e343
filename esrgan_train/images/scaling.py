"""A photo at a smaller scale, whole or in part."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from esrgan_train.images.decode import Picture

Part = tuple[slice, slice]  # rows and columns, each with start and stop

# A pixel of the result is a whole number of these parts of a pixel of the photo wide. So every edge between two
# of its pixels is an exact number also in float32, in which Pillow takes it, and no rounding tells a part of the
# result from the whole. 0.75 thereby is 1024/1365 = 0.75018.
_PARTS = 1024
_EXACT = 2**23  # parts up to which edges are exact in float32, with room for the margin
_BLOCK = 1024  # result pixels a side that are resized at once, or fewer if their edges would not be exact
_REACH = 3  # of Lanczos, in result pixels
_LANCZOS = Image.Resampling.LANCZOS


def scaled_size(size: tuple[int, int], scale: float) -> tuple[int, int]:
    """(height, width) of a photo of that size at ``scale`` in (0,1]; at least one pixel a side."""
    width = _pixel(scale)
    return max(1, size[0] * _PARTS // width), max(1, size[1] * _PARTS // width)


def resized(photo: Picture, scale: float, part: Part | None = None) -> Picture:
    """The photo at ``scale``, resized with Lanczos, or a part of that.

    A part is bit for bit what the whole has there, and no more of the photo is read than it needs.

    Args:
        photo: (H, W, 3) uint8 or uint16.
        scale: in (0,1]; at 1 the result is a view of the photo.
        part: rows and columns of the result; None stands for all.

    Shape:
        as ``scaled_size``, or as the part; the photo's type, rounded to the nearest level.
    """
    height, width = scaled_size((photo.shape[0], photo.shape[1]), scale)
    rows, columns = part or (slice(0, height), slice(0, width))
    if _pixel(scale) == _PARTS:
        return photo[rows, columns]
    whole = np.empty((rows.stop - rows.start, columns.stop - columns.start, 3), photo.dtype)
    for some_rows, some_columns in product(_blocks(rows, scale), _blocks(columns, scale)):
        block = _block(photo, scale, (some_rows, some_columns))
        top, left = some_rows.start - rows.start, some_columns.start - columns.start
        whole[top : top + block.shape[0], left : left + block.shape[1]] = block
    return whole


def _pixel(scale: float) -> int:
    """Width of a pixel of the result, in parts of a pixel of the photo."""
    return max(_PARTS, round(_PARTS / scale))


def _blocks(lines: slice, scale: float) -> list[slice]:
    block = max(1, min(_BLOCK, _EXACT // _pixel(scale)))
    return [slice(start, min(start + block, lines.stop)) for start in range(lines.start, lines.stop, block)]


def _block(photo: Picture, scale: float, part: Part) -> Picture:
    (rows, top, bottom), (columns, left, right) = (
        _needed(lines, side, scale) for lines, side in zip(part, photo.shape, strict=False)
    )
    region = photo[rows, columns]
    height, width = (lines.stop - lines.start for lines in part)

    def resize(image: NDArray[Any]) -> NDArray[Any]:
        # Columns first, always: left to itself, Pillow takes the order that is faster for the part's shape.
        narrow = Image.fromarray(image).resize((width, len(image)), _LANCZOS, box=(left, 0, right, len(image)))
        return np.asarray(narrow.resize((width, height), _LANCZOS, box=(0, top, width, bottom)))

    if photo.dtype == np.uint8:
        return resize(region)
    channels = [resize(region[:, :, channel].astype(np.float32)) for channel in range(3)]
    levels: Picture = np.rint(np.stack(channels, axis=2)).clip(0, np.iinfo(np.uint16).max).astype(np.uint16)
    return levels


def _needed(lines: slice, side: int, scale: float) -> tuple[slice, float, float]:
    """The photo's lines that these lines of the result need, and where in them those begin and end."""
    pixel = _pixel(scale) / _PARTS
    start, stop = lines.start * pixel, min(side, lines.stop * pixel)
    margin = math.ceil(_REACH * pixel) + 1
    first, last = max(0, math.floor(start) - margin), min(side, math.ceil(stop) + margin)
    return slice(first, last), start - first, stop - first
