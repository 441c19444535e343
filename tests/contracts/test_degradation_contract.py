from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from esrgan_train.contracts.degradation import check_degradation, check_noise
from esrgan_train.contracts.part import Part
from esrgan_train.degradation import BicubicDegradation, RealESRGANDegradation
from esrgan_train.degradation.drawing import Clamp, Noise
from esrgan_train.degradation.rendering import render
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


class Drawing(RealESRGANDegradation):
    """Draws first, in the ways that the tests spoil."""

    def draw(self, size: Any, rng: np.random.Generator) -> Any:
        return self.spoilt(super().draw(size, rng))

    def places(self, size: Any) -> Any:
        return self.spoilt_places(super().places(size))

    def __call__(self, hr: Image, rng: np.random.Generator) -> Image:
        return render(hr, RealESRGANDegradation.draw(self, hr.shape[:2], rng))

    def spoilt(self, drawing: Any) -> Any:
        return drawing

    def spoilt_places(self, places: Any) -> Any:
        return places


class ListOfSteps(Drawing):
    def spoilt(self, drawing: Any) -> Any:
        return list(drawing)


class OtherNumbers(Drawing):
    def draw(self, size: Any, rng: np.random.Generator) -> Any:
        return super().draw(size, np.random.default_rng())


class StepMissing(Drawing):
    def spoilt(self, drawing: Any) -> Any:
        return drawing[:-1]


class OtherKind(Drawing):
    def spoilt(self, drawing: Any) -> Any:
        return (Clamp(), *drawing[1:])


class NotWhatItDoes(Drawing):
    def spoilt(self, drawing: Any) -> Any:
        return tuple(None if isinstance(step, Noise) else step for step in drawing)


class TooSmall(Drawing):
    def spoilt_places(self, places: Any) -> Any:
        return tuple(replace(place, height=9) for place in places)


class NarrowKernel(Drawing):
    def spoilt_places(self, places: Any) -> Any:
        return tuple(replace(place, kernel=min(place.kernel, 3)) for place in places)


class NoPlaces(Drawing):
    def spoilt_places(self, places: Any) -> Any:
        return len(places)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (ListOfSteps, r"draw gives a list; return a tuple of steps"),
        (OtherNumbers, r"draw gives another drawing for the same rng; draw from the rng"),
        (StepMissing, r"draw gives 12 steps, places 13"),
        (OtherKind, r"at place 0 draw gives Clamp, places Blur"),
        (NotWhatItDoes, r"it does not make what it draws; let it return"),
        (TooSmall, r"at place 0 draw makes 18×18, places allows 9×18"),
        (NarrowKernel, r"at place 0 draw gives a kernel of \d+ pixels, places allows 3"),
        (NoPlaces, r"places gives a int; return a tuple of esrgan_train\.degradation\.drawing\.Place"),
    ],
)
def test_drawings_that_another_renderer_could_not_carry_out_are_refused(kind: Any, message: str) -> None:
    with pytest.raises(UserError, match=rf"^degradation\._target_=my_parts\.Mine: {message}"):
        check_degradation(kind(upscale=2), MINE, upscale=2, lr_side=9)


def test_a_sound_one_that_draws_passes() -> None:
    check_degradation(Drawing(upscale=2), MINE, upscale=2, lr_side=9)
