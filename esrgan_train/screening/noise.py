"""How much noise a picture has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MAD = 0.6744897501960817  # median of the absolute values of a standard normal distribution


def noise_level(luma: NDArray[np.uint8]) -> float:
    """Standard deviation of white noise in (H, W) luma, in its levels; NaN below 2 × 2 pixels.

    The median absolute value of the finest diagonal differences (those of Haar's wavelet), over 0.6745: edges are
    too few to move a median (Donoho and Johnstone, "Ideal spatial adaptation by wavelet shrinkage", 1994). All
    shifts count, not each second one. Where most of the picture is flat, as in drawings, it is 0 without noise;
    noise that was blurred or enlarged counts less.
    """
    levels = luma.astype(np.float32)
    diagonal = (levels[1:, 1:] - levels[1:, :-1] - levels[:-1, 1:] + levels[:-1, :-1]) / 2
    return float(np.median(np.abs(diagonal)) / _MAD) if diagonal.size else float("nan")
