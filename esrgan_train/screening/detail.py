"""How much of a photo has something to learn from."""

from __future__ import annotations

import cv2
import numpy as np

from esrgan_train.images.decode import Picture
from esrgan_train.screening.luma import Luma, luma_of

_SLOPE = 3  # levels of 255 a pixel; noise of σ 5 stays below
_SOBEL_GAIN = 8  # Sobel's response to a slope of one level a pixel


def detail(photo: Picture) -> float:
    """Share (0 to 1) of the pixels of (H, W, 3) that lie on a slope; near 0 for sky and blank paper."""
    return detail_of_luma(luma_of(photo))


def detail_of_luma(luma: Luma) -> float:
    """``detail`` where the luma is at hand: the slope is that of Sobel's filter after a 3 × 3 Gaussian."""
    smooth = cv2.GaussianBlur(luma, (3, 3), 0)
    across, down = cv2.spatialGradient(smooth)
    slope = cv2.add(cv2.convertScaleAbs(across), cv2.convertScaleAbs(down))  # up to 255, saturated
    return float(np.count_nonzero(slope > _SLOPE * _SOBEL_GAIN) / slope.size)
