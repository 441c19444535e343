"""Boxes of whole LR pixels: the same part of LR and of HR."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Gt, Le
from torch import Tensor

from esrgan_train.degradation.ranges import Range

Sides = Range[Annotated[float, Gt(0), Le(1)]]  # as shares of the image's


class Box(NamedTuple):
    """Rows and columns in LR pixels."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in LR pixels."""
        return self.bottom - self.top, self.right - self.left

    def of(self, image: Tensor, upscale: int) -> Tensor:
        """The view of the box in an image (C, H, W) with ``upscale`` pixels per LR pixel: 1 for LR itself."""
        top, bottom, left, right = (edge * upscale for edge in self)
        return image[:, top:bottom, left:right]


def draw_box(size: tuple[int, int], sides: Sides, rng: np.random.Generator) -> Box:
    """A box anywhere inside an LR image of that (height, width).

    Its sides are one share of the image's, drawn evenly from ``sides``; at least one pixel.
    """
    share = float(rng.uniform(*sides))
    height, width = (max(1, round(share * length)) for length in size)
    top, left = (int(rng.integers(whole - part + 1)) for whole, part in zip(size, (height, width), strict=True))
    return Box(top, top + height, left, left + width)


def draw_clipped_box(size: tuple[int, int], share: float, rng: np.random.Generator) -> Box:
    """A box whose sides are that share of the image's, round a centre anywhere; what lies outside is cut off."""
    spans = []
    for whole in size:
        part, centre = round(share * whole), int(rng.integers(whole))
        start = centre - part // 2
        spans += [max(0, start), min(whole, start + part)]
    return Box(*spans)
