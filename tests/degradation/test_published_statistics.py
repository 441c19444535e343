"""Inputs made here and by the published pipeline, compared by what can be seen in them.

Both degrade the same windows, with independent randomness. The statistic is the two-sample
Kolmogorov-Smirnov distance, which under equality exceeds sqrt(-ln(p/2)/2 · (1/n + 1/m)) with probability p.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lr_statistics import crop, measure
from scipy.stats import ks_2samp

from benchmarks.published_degradation import degrade_published, seed_published
from esrgan_train.degradation import RealESRGANDegradation

pytestmark = pytest.mark.run


def made_here(count: int, size: int, **options: object) -> list[dict[str, float]]:
    degrade = RealESRGANDegradation(**options)
    windows = [crop(index, size) for index in range(count)]
    return [measure(degrade(hr, np.random.default_rng([3, i])), hr) for i, hr in enumerate(windows)]


def made_as_published(count: int, size: int) -> list[dict[str, float]]:
    seed_published(4)
    windows = [crop(index, size) for index in range(count)]
    return [measure(np.ascontiguousarray(degrade_published(hr)), hr) for hr in windows]


def distances(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> dict[str, float]:
    return {
        name: float(ks_2samp([row[name] for row in ours], [row[name] for row in theirs]).statistic)
        for name in ours[0]
    }


def limit(ours: int, theirs: int, probability: float) -> float:
    return float(np.sqrt(-np.log(probability / 2) / 2 * (1 / ours + 1 / theirs)))


# The published code pads with black before its JPEG, which tints the last rows and columns; that is not
# copied, and moves the mean colour by a few tenths of a level.
COLOUR = "colour_shift"


@pytest.mark.slow
def test_inputs_look_like_the_published_ones():
    found = distances(made_here(300, 128), made_as_published(100, 128))
    # Seven statistics, each exceeding its limit once in 10000 seeds.
    within = limit(300, 100, 1e-4)
    assert {name for name, distance in found.items() if distance > within} <= {COLOUR}, found
    assert found[COLOUR] < within + 0.1, found


@pytest.fixture(scope="module")
def right() -> list[dict[str, float]]:
    return made_here(200, 128)


@pytest.mark.parametrize(
    ("fault", "seen_in"),
    [
        ({"noise_prob": 0}, {"luma_noise"}),
        ({"jpeg_nearest_chroma_prob": 0}, {"chroma_noise"}),
        ({"jpeg_quality": (10, 20)}, {"blockiness"}),
        ({"gaussian_prob": 1, "gaussian_sigma_levels": (30, 60)}, {"psnr", "luma_noise"}),
    ],
)
def test_the_comparison_notices_a_wrong_degradation(right, fault, seen_in):
    """Faults in both stages. Smaller ones, such as a single stage without noise, escape 200 samples."""
    published = RealESRGANDegradation()
    stages = {"first": replace(published.first, **fault), "second": replace(published.second, **fault)}
    found = distances(made_here(200, 128, **stages), right)
    assert seen_in <= {name for name, distance in found.items() if distance > limit(200, 200, 1e-4)}, found


@pytest.mark.tools
def test_inputs_look_like_the_published_ones_at_full_size():
    found = distances(made_here(1000, 400), made_as_published(400, 400))
    within = limit(1000, 400, 1e-3)
    assert {name for name, distance in found.items() if distance > within} <= {COLOUR}, found
    assert found[COLOUR] < 0.15, found
