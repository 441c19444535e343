from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from esrgan_train.contracts.degradation import check_degradation, check_noise
from esrgan_train.contracts.part import Part
from esrgan_train.degradation import BicubicDegradation, RealESRGANDegradation
from esrgan_train.degradation.target_noise import TargetNoise
from esrgan_train.errors import UserError

MINE = Part(option="degradation", target="my_parts.Mine")
NOISE = Part(option="target_noise", target="my_parts.Noise")
Image = np.ndarray


def small(hr: Image, rng: np.random.Generator | None = None) -> Image:
    return hr[::2, ::2]


def with_grain(hr: Image, grain: Any) -> Image:
    return np.clip(small(hr) + np.float32(0.01) * np.asarray(grain, dtype=np.float32), 0, 1)


def spoiling(hr: Image, rng: np.random.Generator) -> Image:
    hr[:] = 0.5
    return small(hr).copy()


@pytest.mark.parametrize(
    ("degrade", "message"),
    [
        (lambda hr, rng: (small(hr) * 255).astype(np.uint8), "array of uint8, 9×10×3 of 18×20×3; return a NumPy"),
        (lambda hr, rng: small(hr).astype(np.float64), "array of float64"),
        (lambda hr, rng: small(hr).transpose(2, 0, 1), "array of float32, 3×9×10.*float32, 9×10×3 here"),
        (lambda hr, rng: torch.from_numpy(small(hr).copy()), "a tensor of float32, 9×10×3"),
        (lambda hr, rng: (small(hr), 1), "a tuple"),
        (lambda hr, rng: None, "makes None"),
        (lambda hr, rng: hr, "array of float32, 18×20×3"),
        (lambda hr, rng: small(hr)[: hr.shape[0] // 4 * 2], "array of float32, 8×10×3 of 18×20×3"),
        (lambda hr, rng: small(hr)[:, : hr.shape[1] // 4 * 2], "array of float32, 10×8×3 of 20×18×3"),
        (lambda hr, rng: small(hr) * 255, r"values go from .* to 25.*return values in \[0, 1\]"),
        (lambda hr, rng: small(hr) - 0.01, r"values go from -0.0"),
        (lambda hr, rng: np.where(small(hr) > 0.5, np.float32(np.nan), small(hr)), "NaN or infinity"),
        (lambda hr, rng: with_grain(hr, np.random.rand()), "random numbers from np.random; draw from the rng"),
        (lambda hr, rng: with_grain(hr, random.random()), "random numbers from random;"),
        (lambda hr, rng: with_grain(hr, torch.rand(()).item()), "random numbers from torch;"),
        (lambda hr, rng: with_grain(hr, np.random.default_rng().random()), "random numbers from elsewhere"),
        (spoiling, "changes the picture"),
        (lambda hr, rng: hr[1000], "calling it with 18×20×3 fails: IndexError"),
    ],
)  # fmt: skip
def test_what_would_spoil_or_end_a_run_is_refused(degrade: Callable[..., Any], message: str) -> None:
    with pytest.raises(UserError, match=rf"^degradation\._target_=my_parts\.Mine: .*{message}"):
        check_degradation(degrade, MINE, upscale=2, lr_side=9)


@pytest.mark.parametrize("upscale", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", [RealESRGANDegradation, BicubicDegradation])
def test_sound_ones_pass(kind: Any, upscale: int) -> None:
    check_degradation(kind(upscale=upscale), MINE, upscale=upscale, lr_side=9)


def test_noise_that_targets_keep_may_be_negative_but_must_be_of_their_size() -> None:
    grain = TargetNoise(
        upscale=2, gaussian_prob=0.5, gaussian_sigma_levels=(1, 9), poisson_scale=(1, 2), gray_prob=0.5
    )
    check_noise(grain, NOISE, upscale=2)
    with pytest.raises(UserError, match=r"target_noise\._target_=my_parts.Noise: .*16×17×3 of 32×34×3"):
        check_noise(small, NOISE, upscale=2)


def test_global_random_numbers_are_put_back() -> None:
    np.random.seed(4)
    expected = np.random.rand()
    np.random.seed(4)
    check_degradation(lambda hr, rng: with_grain(hr, rng.random()), MINE, upscale=2, lr_side=9)
    assert np.random.rand() == expected
