"""Tables from which Poisson numbers are drawn by two uniform ones."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PEAKS = tuple(2**power for power in range(9))  # photons at full brightness
_WIDTH = 512  # values that a count can have: beyond 256 + 12·√256 + 32 there is nothing


@cache
def poisson_tables() -> tuple[Tensor, Tensor]:
    """For each peak and level, cells of equal chance: that of the cell's own number, and the number drawn else.

    Both are (9 · 256, 512): the means are level/255 · peak. Source: Walker, "An Efficient Method for Generating
    Discrete Random Variables with General Distributions", 1977. Probabilities are right to 2⁻²⁴.
    """
    means = np.concatenate([np.arange(256) * (peak / 255) for peak in PEAKS])
    counts = np.arange(_WIDTH)
    factorials = np.concatenate([[0.0], np.cumsum(np.log(counts[1:]))])
    with np.errstate(divide="ignore", invalid="ignore"):
        powers = np.where(means[:, None] > 0, counts * np.log(means[:, None]), np.where(counts > 0, -np.inf, 0.0))
    probabilities = np.exp(powers - means[:, None] - factorials)
    chances, others = _aliased(probabilities / probabilities.sum(axis=1, keepdims=True))
    return torch.from_numpy(chances.astype(np.float32)), torch.from_numpy(others.astype(np.int16))


def _aliased(probabilities: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Pair cells that hold too little with those that hold too much, in all rows at once."""
    rows, width = probabilities.shape
    held = probabilities * width
    chances = np.ones_like(held)
    others = np.tile(np.arange(width), (rows, 1))
    every = np.arange(rows)
    unsettled = np.ones_like(held, dtype=bool)
    for _ in range(width - 1):
        least = np.where(unsettled, held, np.inf).argmin(axis=1)
        most = np.where(unsettled, held, -np.inf).argmax(axis=1)
        chances[every, least] = held[every, least]
        others[every, least] = most
        held[every, most] -= 1 - held[every, least]
        unsettled[every, least] = False
    return chances.clip(0, 1), others
