from __future__ import annotations

import cv2
import numpy as np
import pytest

from esrgan_train.degradation import TargetNoise
from esrgan_train.degradation.target_noise import with_noise
from esrgan_train.errors import UserError

OPTIONS = {
    "upscale": 4,
    "gaussian_prob": 1.0,
    "gaussian_sigma_levels": (10, 10),
    "poisson_scale": (1, 1),
    "gray_prob": 0,
}
GRAY = np.full((256, 256, 3), 0.5, np.float32)


def rng(seed=0):
    return np.random.Generator(np.random.Philox(key=seed))


def test_the_noise_survives_reduction_to_lr_size_at_its_strength():
    noise = TargetNoise(**OPTIONS)(GRAY, rng())
    assert (noise.shape, noise.dtype) == (GRAY.shape, np.float32)
    reduced = cv2.resize(noise, (64, 64), interpolation=cv2.INTER_AREA)
    white = cv2.resize(
        rng().normal(0, 10 / 255, GRAY.shape).astype(np.float32), (64, 64), interpolation=cv2.INTER_AREA
    )
    assert reduced.std() * 255 > 7  # of 10; white noise at HR keeps a quarter
    assert white.std() * 255 < 3
    assert abs(noise.mean()) < 1 / 255


def test_it_is_a_function_of_the_generator():
    make = TargetNoise(**{**OPTIONS, "gaussian_prob": 0.5, "gray_prob": 0.5})
    assert np.array_equal(make(GRAY, rng(1)), make(GRAY, rng(1)))
    assert not np.array_equal(make(GRAY, rng(1)), make(GRAY, rng(2)))


def test_poisson_noise_grows_with_brightness_and_gray_noise_is_equal_in_all_channels():
    make = TargetNoise(**{**OPTIONS, "gaussian_prob": 0.0, "gray_prob": 1.0})
    half = np.concatenate([np.full((256, 128, 3), 0.1), np.full((256, 128, 3), 0.9)], axis=1).astype(np.float32)
    noise = make(half, rng())
    assert np.allclose(noise[..., :1], noise, atol=1e-6)
    assert noise[:, 140:].std() > 2 * noise[:, :116].std()


def test_the_sum_stays_in_range():
    out = with_noise(np.array([[[0.0, 0.5, 1.0]]], np.float32), np.full((1, 1, 3), -0.75, np.float32))
    assert out.tolist() == [[[0.0, 0.0, 0.25]]]


@pytest.mark.parametrize("changed", [{"upscale": 0}, {"gray_prob": 2}, {"gaussian_sigma_levels": (9, 1)}])
def test_wrong_values_are_refused(changed):
    with pytest.raises(UserError, match=next(iter(changed))):
        TargetNoise(**{**OPTIONS, **changed})
