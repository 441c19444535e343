from __future__ import annotations

import numpy as np

from esrgan_train.degradation.chain import Canvas
from esrgan_train.degradation.steps.cast import AddCast, Cast

LUMA = np.array([0.299, 0.587, 0.114])


def test_gains_and_offsets_are_exact_and_clip():
    image = np.random.default_rng(0).random((20, 30, 3), dtype=np.float32)
    made = Cast((1.2, 1.0, 0.8), (0.05, -0.1, 0.0)).render(image)
    expected = np.clip(image.astype(np.float64) * [1.2, 1.0, 0.8] + [0.05, -0.1, 0.0], 0, 1)
    np.testing.assert_allclose(made, expected, atol=1e-6)
    assert made.min() == 0
    assert made.max() == 1


def test_drawn_gains_have_the_ratios_and_keep_the_luma_of_gray():
    choice = AddCast(temperature=(1.3, 1.3), tint=(0.9, 0.9), offset=(-0.1, 0.1))
    casts = [choice.draw(Canvas((9, 9), (9, 9)), np.random.default_rng(seed)) for seed in range(50)]
    red, green, blue = casts[0].gains
    np.testing.assert_allclose([red / blue, green / np.sqrt(red * blue)], [1.3, 0.9])
    np.testing.assert_allclose(LUMA @ casts[0].gains, 1)
    offsets = np.array([cast.offsets for cast in casts])
    assert -0.1 <= offsets.min() < -0.08
    assert 0.08 < offsets.max() <= 0.1


def test_warmer_is_as_likely_as_colder():
    choice = AddCast(temperature=(0.5, 2.0))
    gains = [choice.draw(Canvas((9, 9), (9, 9)), np.random.default_rng(seed)).gains for seed in range(400)]
    warmer = np.mean([red > blue for red, _, blue in gains])
    assert 0.42 < warmer < 0.58
