from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare, poisson

from esrgan_train.degradation.poisson import sample_poisson


@pytest.mark.parametrize("peak", [1, 8, 64, 256])
@pytest.mark.parametrize("level", [1, 37, 128, 255])
def test_samples_follow_the_poisson_distribution(peak, level):
    samples = sample_poisson(np.full((500, 401), level, dtype=np.uint8), peak, np.random.default_rng(level))
    mean = level / 255 * peak
    low, high = int(poisson.ppf(1e-4, mean)), int(poisson.ppf(1 - 1e-4, mean))
    counts = np.bincount(np.clip(samples.ravel(), low, high + 1) - low, minlength=high - low + 2)
    edges = poisson.cdf(np.arange(low, high + 1), mean)
    expected = np.diff(np.concatenate([[0.0], edges, [1.0]])) * samples.size
    assert chisquare(counts, expected).pvalue > 1e-4


class Uniform:
    """Stands in for a generator and returns given 32-bit numbers."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = np.array(numbers, dtype=np.uint32)

    def integers(self, *_: object, **__: object) -> np.ndarray:
        return self.numbers.view(np.uint64)


@pytest.mark.parametrize("peak", [1, 16, 256])
def test_every_sample_inverts_the_distribution_function(peak):
    levels = np.repeat(np.arange(256, dtype=np.uint8), 400)
    rng = np.random.default_rng(0)
    # Uniform numbers, some in either extreme tail; the largest and smallest of all among them.
    numbers = rng.integers(0, 2**32, size=levels.size)
    numbers[::5] >>= 18
    numbers[1::5] = 2**32 - 1 - (numbers[1::5] >> 18)
    numbers[:2], numbers[2:4] = 0, 2**32 - 1
    samples = sample_poisson(levels, peak, Uniform(numbers.tolist()))
    mean = levels / 255 * peak
    uniform = (numbers + 0.5) / 2**32
    # P(X <= k−1) <= u < P(X <= k), to the resolution of the numbers
    assert np.all(poisson.cdf(samples.astype(float) - 1, mean) <= uniform + 2.0**-31)
    assert np.all(poisson.cdf(samples, mean) >= uniform - 2.0**-31)


def test_black_stays_black():
    assert not sample_poisson(np.zeros((30, 30, 3), dtype=np.uint8), 256, np.random.default_rng(0)).any()
