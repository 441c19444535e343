"""How far the edges of blocks of 8 pixels stand out of a small picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_PERIOD = 8  # of the blocks of JPEG and of older video codecs
_SMALLEST = 3 * _PERIOD  # pixels a side
_FAINT = 0.25  # levels, added to both sides of the ratio: what rounding alone leaves


def blockiness(luma: NDArray[np.uint8]) -> float:
    """Steps between blocks of 8 × 8 pixels over those between other pixels, in (H, W) luma; NaN below 24 pixels.

    Of photos in crops of 64 pixels the median is about 1.2 without blocks, 2.5 after a JPEG of quality 50 and 4.5
    after one of 20. A step is how far a difference between neighbours exceeds those beside it, so that slopes do
    not count; blocks may start at any of the eight places, each way: the one that stands out most counts, over the
    median of the others. It is the idea of Wang, Bovik and Evans ("Blind measurement of blocking artifacts in
    images", ICIP 2000), for pictures too small for ``compression.grid_step``, which finds the step of a grid.
    """
    if min(luma.shape) < _SMALLEST:
        return float("nan")
    levels = luma.astype(np.float32)
    return float(np.sqrt(_across(levels) * _across(levels.T)))


def _across(levels: NDArray[np.float32]) -> float:
    steps = np.abs(np.diff(levels, axis=1))
    excess = np.maximum(steps[:, 1:-1] - (steps[:, :-2] + steps[:, 2:]) / 2, 0.0).mean(axis=0)
    places = np.sort([excess[start::_PERIOD].mean() for start in range(_PERIOD)])
    return float((places[-1] + _FAINT) / (np.median(places[:-1]) + _FAINT))
