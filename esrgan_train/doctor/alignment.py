"""Whether the two sides of a pair show the same, at the same place."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from esrgan_train.images.decode import Picture, to_float

LARGEST = 512  # LR pixels a side that are compared, of the middle

# Measured on 26 photographs at ×2, ×3 and ×4: LR by bicubic, area, Lanczos, linear, cubic and nearest reduction,
# sharpened, as JPEG of quality 30, with noise of σ = 25, darker, and degraded by degradation=realesrgan.
WEAKEST_PEAK = 0.33  # ordinary pairs: 0.36 and more; 500 pairs of different photographs: up to 0.29
# Ordinary pairs: up to 0.66, 0.9 at ×2 for 2 of 26 degraded ones. Shifted by a pixel: 0.8 and more where LR is
# clean, as little as 0.4 where it is degraded.
LARGEST_SHIFT = 0.7
COMMON_SHIFT = 0.2  # median over pairs: up to 0.1, but 0.3 to 0.46 where LR is every n-th pixel of HR
FEATURELESS = 1 / 255  # standard deviation of the details: less shows nothing to align by; photographs: 0.013 on

_DETAIL_SIGMA = 4.0  # LR pixels


class Alignment(NamedTuple):
    """Where LR lies."""

    right: float  # LR pixels by which LR is shifted to the right of HR
    down: float
    peak: float  # height of the peak of the phase correlation: about 1 for the same picture, 0 for different ones

    @property
    def belongs(self) -> bool:
        """Whether both sides show the same."""
        return self.peak >= WEAKEST_PEAK

    @property
    def shift(self) -> float:
        """LR pixels."""
        return float(np.hypot(self.right, self.down))


def alignment_of(hr: Picture, lr: Picture, upscale: int) -> Alignment | None:
    """Compare LR with HR, reduced by area, by phase correlation; None where there is nothing to align by.

    Source: Kuglin and Hines, "The phase correlation image alignment method", 1975.
    """
    height, width = (_comparable(length) for length in lr.shape[:2])
    if min(height, width) < 2:
        return None
    top, left = (lr.shape[0] - height) // 2, (lr.shape[1] - width) // 2
    small = _luma(lr[top : top + height, left : left + width])
    rows, columns = (slice(start * upscale, (start + n) * upscale) for start, n in ((top, height), (left, width)))
    large = _luma(hr[rows, columns])
    large = np.asarray(cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA), np.float32)
    if min(_details(small), _details(large)) < FEATURELESS:
        return None
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    (right, down), peak = cv2.phaseCorrelate(large, small, window)
    return Alignment(right, down, peak)


def _comparable(length: int) -> int:
    """The largest even length up to ``length`` that OpenCV does not pad: that moves the peak by half a pixel."""
    length = min(length, LARGEST) // 2 * 2
    while length > 0 and cv2.getOptimalDFTSize(length) != length:
        length -= 2
    return length


def _luma(picture: Picture) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(to_float(picture), cv2.COLOR_RGB2GRAY))


def _details(luma: NDArray[np.float32]) -> float:
    return float((luma - cv2.GaussianBlur(luma, (0, 0), _DETAIL_SIGMA)).std())
