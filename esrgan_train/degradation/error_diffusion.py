"""Error diffusion of an image to whole numbers, many pixels at a time."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from esrgan_train.degradation.image import Image

Diffusion = Literal["floyd_steinberg", "atkinson", "jarvis", "stucki", "burkes", "sierra", "sierra_lite"]
DIFFUSIONS: tuple[Diffusion, ...] = get_args(Diffusion)

# Divisor, and rows of weights: the first begins right of the pixel, the others are centred below it.
WEIGHTS: dict[Diffusion, tuple[int, tuple[tuple[int, ...], ...]]] = {
    "floyd_steinberg": (16, ((7,), (3, 5, 1))),
    "atkinson": (8, ((1, 1), (1, 1, 1), (0, 1, 0))),  # which drops a quarter of the error
    "jarvis": (48, ((7, 5), (3, 5, 7, 5, 3), (1, 3, 5, 3, 1))),
    "stucki": (42, ((8, 4), (2, 4, 8, 4, 2), (1, 2, 4, 2, 1))),
    "burkes": (32, ((8, 4), (2, 4, 8, 4, 2))),
    "sierra": (32, ((5, 3), (2, 4, 5, 4, 2), (0, 2, 3, 2, 0))),
    "sierra_lite": (4, ((2,), (1, 1, 0))),
}


def targets(diffusion: Diffusion) -> list[tuple[int, int, float]]:
    """Rows down, columns right and share of the error of each pixel that receives some."""
    divisor, (beside, *below) = WEIGHTS[diffusion]
    found = [(0, 1 + column, weight / divisor) for column, weight in enumerate(beside)]
    for row, weights in enumerate(below, 1):
        found += [(row, column - len(weights) // 2, weight / divisor) for column, weight in enumerate(weights)]
    return [target for target in found if target[2]]


def diffuse(image: Image, diffusion: Diffusion, most: int) -> Image:
    """Round to whole numbers from 0 to ``most``, passing each pixel's error on, rows from left to right.

    Pixels that do not depend on each other lie on slanted lines, column + slant·row, which become the rows of a
    sheared copy: each is rounded at once.

    Shape:
        (H, W, C) float32 in [0, most] → the same, whole numbers.
    """
    height, width = image.shape[:2]
    sharing = targets(diffusion)
    slant = 1 + max(-column for _, column, _ in sharing)
    lines, margin = width + slant * (height - 1), max(column + slant * row for row, column, _ in sharing)
    rows, columns = np.ogrid[:height, :width]
    place = columns + slant * rows, np.broadcast_to(rows, (height, width))
    values = np.zeros((lines + margin, height + 2, image.shape[2]), dtype=np.float32)
    values[place] = image
    inside = np.zeros((lines, height, image.shape[2]), dtype=np.float32)
    inside[place] = 1.0  # errors that leave the image are lost, and none comes from outside
    shares = _by_share(sharing, slant)
    error, part = np.empty_like(inside[0]), np.empty_like(inside[0])
    whole = np.empty_like(inside)
    for line in range(lines):
        rounded = whole[line]
        np.rint(values[line, :height], out=rounded)
        np.maximum(rounded, 0.0, out=rounded)
        np.minimum(rounded, most, out=rounded)
        np.subtract(values[line, :height], rounded, out=error)
        error *= inside[line]
        for share, receivers in shares:
            np.multiply(error, share, out=part)
            for later, down in receivers:
                values[line + later, down : down + height] += part
    return np.asarray(whole[place])


def _by_share(sharing: list[tuple[int, int, float]], slant: int) -> list[tuple[np.float32, list[tuple[int, int]]]]:
    """Lines later and rows down of the pixels that receive each share."""
    return [
        (np.float32(share), [(column + slant * row, row) for row, column, one in sharing if one == share])
        for share in sorted({share for *_, share in sharing})
    ]
