"""Tables from which Poisson numbers are drawn by a uniform one each."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

PEAKS = tuple(2**power for power in range(9))  # photons at full brightness
CELLS = 512  # as many as values that a count can have: beyond 256 + 12·√256 + 32 there is nothing
_PARTS = 2**15  # of a cell: 24 bits in all, which a uniform float32 number has


@cache
def poisson_tables() -> tuple[Tensor, Tensor]:
    """For each peak and level, cells of equal chance: the part that means the cell's own number, and the other's.

    Both are (9 · 256 · 512,) float32; the means are level/255 · peak. A uniform number u falls into cell ⌊512·u⌋,
    and in its own part if the rest is less than that. The distribution function is right to 2⁻²⁵, and so the
    numbers beyond do not occur at all. Source: Walker, "An Efficient Method for Generating Discrete Random
    Variables with General Distributions", 1977.
    """
    means = np.concatenate([np.arange(256) * (peak / 255) for peak in PEAKS])
    counts = np.arange(CELLS)
    factorials = np.concatenate([[0.0], np.cumsum(np.log(counts[1:]))])
    powers = counts * np.log(np.maximum(means, 1e-300))[:, None]
    probabilities = np.exp(powers - means[:, None] - factorials)
    steps = np.rint(np.minimum(np.cumsum(probabilities, axis=1), 1.0) * (CELLS * _PARTS)).astype(np.int64)
    steps[:, -1] = CELLS * _PARTS
    own, other = _aliased(np.diff(steps, axis=1, prepend=0))
    return torch.from_numpy(own.ravel() / np.float32(_PARTS)), torch.from_numpy(other.ravel())


def _aliased(parts: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fill up cells that hold too few parts by those that hold too many, in all rows at once.

    Shape:
        parts (rows, CELLS), of sum CELLS · _PARTS → a cell's own parts, and its other number, the same shape.
    """
    order = np.argsort(parts, axis=1, kind="stable")
    held = np.take_along_axis(parts, order, axis=1)
    rows, cells = held.shape
    own = np.full_like(held, _PARTS)
    other = np.tile(np.arange(cells), (rows, 1))
    every = np.arange(rows)
    poor, rich = np.zeros(rows, dtype=np.int64), np.full(rows, cells - 1)
    left = held[:, -1]  # what the rich cell still holds
    for _ in range(cells - 1):  # each settles a cell: the poorest, or the rich one where it has become poor itself
        gives = left >= _PARTS
        settled, from_cell = np.where(gives, poor, rich), np.where(gives, rich, rich - 1)
        amount = np.where(gives, held[every, poor], left)
        own[every, settled], other[every, settled] = amount, from_cell
        left = np.where(gives, left, held[every, rich - 1]) - (_PARTS - amount)
        poor, rich = poor + gives, from_cell
    results = np.empty(held.shape, np.float32), np.empty(held.shape, np.float32)
    for result, values in zip(results, (own, np.take_along_axis(order, other, axis=1)), strict=True):
        np.put_along_axis(result, order, values.astype(np.float32), axis=1)
    return results
