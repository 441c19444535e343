"""How much of a photo has something to learn from."""

from __future__ import annotations

import math

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
    """``detail`` where the luma is at hand."""
    return float(np.count_nonzero(slopes(luma)) / luma.size)


def slopes(luma: Luma) -> Luma:
    """The slope at each pixel, 8 for one level a pixel, saturated at 255; 0 where noise alone may have made it.

    It is that of Sobel's filter after a 3 × 3 Gaussian.
    """
    smooth = cv2.GaussianBlur(luma, (3, 3), 0)
    across, down = cv2.spatialGradient(smooth)
    slope = cv2.add(cv2.convertScaleAbs(across), cv2.convertScaleAbs(down))
    return cv2.threshold(slope, _SLOPE * _SOBEL_GAIN, 255, cv2.THRESH_TOZERO)[1].astype(np.uint8, copy=False)


def busiest_part(luma: Luma, *, most: int, step: int) -> tuple[slice, slice]:
    """Rows and columns of the part with the most detail: up to ``most`` pixels a side, aligned to ``step``.

    Of several that are alike, the one nearest to the middle. A side that is shorter is taken in whole steps.

    Args:
        luma: (H, W), at least a step high and wide.
        most: pixels a side, where less than a step counts as one step.
        step: pixels per pixel of the reduced version.
    """
    total = cv2.integral(slopes(luma), sdepth=cv2.CV_64F)[::step, ::step]  # before each row and column of steps
    rows, columns = (min(length // step, max(most // step, 1)) for length in luma.shape)
    across = total[:, columns:] - total[:, :-columns]
    detail = across[rows:] - across[:-rows]  # (places down, places across)
    middle = [(length - 1) / 2 for length in detail.shape]
    top, left = min(np.argwhere(detail == detail.max()).tolist(), key=lambda at: math.dist(at, middle))
    return slice(top * step, (top + rows) * step), slice(left * step, (left + columns) * step)
