from __future__ import annotations

import numpy as np
import pytest
from lr_statistics import photographs

from esrgan_train.degradation.chain import Canvas
from esrgan_train.degradation.steps.dither import DITHERINGS, Dither, Dithered, bayer_matrix, bayer_thresholds


def test_published_matrices():
    np.testing.assert_array_equal(bayer_matrix(2), [[0, 2], [3, 1]])
    np.testing.assert_array_equal(bayer_matrix(4), [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
    assert sorted(bayer_matrix(8).ravel()) == list(range(64))
    np.testing.assert_array_equal(bayer_matrix(8)[0], [0, 32, 8, 40, 2, 34, 10, 42])


@pytest.mark.parametrize("side", [2, 4, 8])
def test_gray_is_the_share_of_bright_pixels(side):
    for share in range(side**2 + 1):
        image = np.full((8, 16, 3), share / side**2, dtype=np.float32)
        made = Dithered(2, f"bayer{side}", (3, 5)).render(image)
        np.testing.assert_allclose(made.mean(), share / side**2, atol=1e-6)


def test_origin_shifts_the_matrix():
    whole = bayer_thresholds(8, (20, 20), (0, 0))
    np.testing.assert_array_equal(bayer_thresholds(8, (10, 9), (3, 5)), whole[3:13, 5:14])


@pytest.mark.parametrize("dithering", DITHERINGS)
@pytest.mark.parametrize("levels", [2, 5, 32])
def test_levels_and_tone(dithering, levels):
    image = np.ascontiguousarray(photographs()[1][100:148, 100:164])
    made = Dithered(levels, dithering).render(image)
    np.testing.assert_allclose(made * (levels - 1), np.rint(made * (levels - 1)), atol=1e-5)
    if dithering not in ("none", "atkinson"):
        coarse = 0.125 / (levels - 1) if dithering == "bayer2" else 0  # it has three tones between two levels
        np.testing.assert_allclose(made.mean((0, 1)), image.mean((0, 1)), atol=0.02 + coarse)


def test_all_levels_of_the_range_are_drawn():
    choice = Dither(levels=(2, 6), ditherings=("none",))
    drawn = [choice.draw(Canvas((9, 9), (9, 9)), np.random.default_rng(seed)).levels for seed in range(100)]
    assert set(drawn) == {2, 3, 4, 5, 6}
