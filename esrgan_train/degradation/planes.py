"""A picture as the three planes of bytes that video stores."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from esrgan_train.degradation.chroma_sampling import PixelFormat, Siting, subsample, supersample
from esrgan_train.degradation.image import Image

Plane = NDArray[np.uint8]  # (rows, columns)
Planes = tuple[Plane, Plane, Plane]  # luma, Cb, Cr


class Layout(NamedTuple):
    """How chroma is stored."""

    format: PixelFormat
    siting: Siting


def to_planes(yuv: Image, layout: Layout) -> Planes:
    """Luma and chroma, (H, W, 3) in 8-bit levels with even sides, as rounded planes."""
    luma = _rounded(yuv[..., 0])
    blue, red = np.moveaxis(_rounded(subsample(np.ascontiguousarray(yuv[..., 1:]), *layout)), -1, 0)
    return luma, blue, red


def from_planes(planes: Planes, layout: Layout, *, nearest: bool) -> Image:
    """Back to (H, W, 3) float32 in levels; ``nearest`` repeats chroma samples instead of interpolating."""
    chroma = np.stack(planes[1:], -1).astype(np.float32)
    return np.dstack([planes[0].astype(np.float32), supersample(chroma, *layout, nearest=nearest)])


def pad(image: Image, least: int) -> Image:
    """Repeat the last row and column until both sides are even and not below ``least``."""
    height, width = image.shape[:2]
    below, right = (max(side + side % 2, least) - side for side in (height, width))
    return np.pad(image, ((0, below), (0, right), (0, 0)), mode="edge")


def _rounded(levels: Image) -> NDArray[np.uint8]:
    # As in `image.to_levels`: OpenCV takes the magnitude, and saturates at 255 by itself.
    return np.asarray(cv2.convertScaleAbs(np.maximum(levels, 0.0)), dtype=np.uint8)
