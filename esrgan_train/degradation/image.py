"""The float image that a degradation works on, and its rounding to the 256 levels of an 8-bit file."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]  # (H, W, 3) RGB, nominally in [0,1]


def to_levels(image: Image) -> NDArray[np.uint8]:
    """Round to the nearest 8-bit level, clamping to 0 … 255; (H, W, C) with C > 1, or (H, W)."""
    # OpenCV takes the magnitude, so negative values have to go first; it saturates at 255 by itself.
    return np.asarray(cv2.convertScaleAbs(np.maximum(image, 0.0), alpha=255.0), dtype=np.uint8)


def check_sides(hr: Image, upscale: int) -> None:
    """`ValueError` unless `hr` is (H, W, 3) float32 with sides that are multiples of `upscale`."""
    if hr.ndim != 3 or hr.shape[2] != 3 or hr.dtype != np.float32:
        raise ValueError(f"hr is {hr.dtype} {hr.shape}; pass float32 RGB of shape (H, W, 3)")
    height, width = hr.shape[:2]
    if height % upscale or width % upscale or not hr.size:
        raise ValueError(
            f"hr is {width}×{height} pixels; crop it to multiples of upscale={upscale}, "
            f"such as {width // upscale * upscale}×{height // upscale * upscale}"
        )
