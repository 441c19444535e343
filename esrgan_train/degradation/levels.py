"""Between float images in [0,1] and the 256 levels of an 8-bit file."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def to_levels(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Round to the nearest 8-bit level, clamping to 0 … 255; (H, W, C) with C > 1, or (H, W)."""
    # OpenCV takes the magnitude, so negative values have to go first; it saturates at 255 by itself.
    return np.asarray(cv2.convertScaleAbs(np.maximum(image, 0.0), alpha=255.0), dtype=np.uint8)


def from_levels(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return level/255 as float32, the value a decoded 8-bit file has."""
    return levels.astype(np.float32) / np.float32(255.0)
