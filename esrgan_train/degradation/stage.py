"""One order of the degradation: blur, resize, noise, JPEG, with the odds and ranges of each."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from esrgan_train.degradation.blur import blur
from esrgan_train.degradation.checks import (
    Range,
    check_integer_range,
    check_odds,
    check_probability,
    check_range,
)
from esrgan_train.degradation.jpeg import compress_jpeg, draw_quality
from esrgan_train.degradation.kernel_choice import KernelChoice, draw_index, draw_kernel
from esrgan_train.degradation.noise import add_gaussian_noise, add_poisson_noise
from esrgan_train.degradation.resize import RESIZE_MODES, ResizeMode, resize
from esrgan_train.errors import UserError

Image = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What can happen to an image in one stage. Images are (H, W, 3) float32 RGB, nominally in [0,1].

    Attributes:
        blur_prob: Probability of any blur.
        kernel: Which kernels blur.
        up_odds, down_odds, keep_odds: Relative weights of enlarging, reducing and keeping the size.
        up_range: Factors of enlargement, at least 1.
        down_range: Factors of reduction, at most 1.
        resize_modes: Ways to resize, equally likely; any of area, bilinear, bicubic.
        noise_prob: Probability of any noise.
        gaussian_prob: Probability that the noise is Gaussian; Poisson otherwise.
        gaussian_sigma_levels: Its standard deviations, in 8-bit levels (1/255).
        poisson_scale: Strengths of the Poisson noise.
        gray_prob: Probability of one noise map for all channels, for either noise.
        jpeg_prob: Probability of JPEG compression.
        jpeg_quality: Lowest and highest quality, whole numbers from 1 to 100.
        jpeg_nearest_chroma_prob: Probability that the JPEG decoder repeats chroma samples; it interpolates
            them otherwise. Published: 1. Most programs that open real files interpolate.

    Raises:
        UserError: a value out of bounds.
    """

    blur_prob: float
    kernel: KernelChoice
    up_odds: float
    down_odds: float
    keep_odds: float
    up_range: Range
    down_range: Range
    resize_modes: tuple[ResizeMode, ...] = RESIZE_MODES
    noise_prob: float = 1.0
    gaussian_prob: float = 0.5
    gaussian_sigma_levels: Range
    poisson_scale: Range
    gray_prob: float = 0.4
    jpeg_prob: float = 1.0
    jpeg_quality: tuple[int, int] = (30, 95)
    jpeg_nearest_chroma_prob: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name.endswith("_prob"):
                check_probability(field.name, getattr(self, field.name))
        check_odds(up_odds=self.up_odds, down_odds=self.down_odds, keep_odds=self.keep_odds)
        final_types = {
            "up_range": check_range("up_range", self.up_range, low=1, high=16),
            "down_range": check_range("down_range", self.down_range, low=0.01, high=1),
            "resize_modes": tuple(self.resize_modes),
            "gaussian_sigma_levels": check_range(
                "gaussian_sigma_levels", self.gaussian_sigma_levels, low=0, high=255
            ),
            "poisson_scale": check_range("poisson_scale", self.poisson_scale, low=0, high=1000),
            "jpeg_quality": check_integer_range("jpeg_quality", self.jpeg_quality, low=1, high=100),
        }
        for name, value in final_types.items():
            object.__setattr__(self, name, value)  # a frozen dataclass gives its fields their final type
        unknown = [mode for mode in self.resize_modes if mode not in RESIZE_MODES]
        if unknown or not self.resize_modes:
            raise UserError(
                f"resize_modes={list(self.resize_modes)} must be one or more of {', '.join(RESIZE_MODES)}"
            )

    def blur(self, image: Image, rng: np.random.Generator) -> Image:
        """Blur with a kernel drawn anew, or not at all."""
        if rng.random() >= self.blur_prob:
            return image
        return blur(image, draw_kernel(rng, self.kernel))

    def resize(self, image: Image, full: tuple[float, float], rng: np.random.Generator) -> Image:
        """Resize to ⌊full · s⌋ rows and columns (at least one pixel), s being the factor drawn."""
        choice = draw_index(rng, [self.up_odds, self.down_odds, self.keep_odds])
        factor = rng.uniform(*(self.up_range, self.down_range, (1.0, 1.0))[choice])
        height, width = (max(1, int(side * factor)) for side in full)
        return self.resize_to(image, height, width, rng)

    def resize_to(self, image: Image, height: int, width: int, rng: np.random.Generator) -> Image:
        """Resize to a given size in one of the modes."""
        return resize(image, height, width, self.resize_modes[int(rng.integers(len(self.resize_modes)))])

    def add_noise(self, image: Image, rng: np.random.Generator) -> Image:
        """Add Gaussian or Poisson noise, if any, and clamp to [0,1]."""
        if rng.random() < self.noise_prob:
            gray = bool(rng.random() < self.gray_prob)
            if rng.random() < self.gaussian_prob:
                sigma = rng.uniform(*self.gaussian_sigma_levels)
                image = add_gaussian_noise(image, sigma_levels=sigma, gray=gray, rng=rng)
            else:
                scale = rng.uniform(*self.poisson_scale)
                image = add_poisson_noise(image, scale=scale, gray=gray, rng=rng)
        return np.clip(image, 0.0, 1.0)

    def compress(self, image: Image, rng: np.random.Generator) -> Image:
        """Pass through a JPEG file of drawn quality, or not at all."""
        if rng.random() >= self.jpeg_prob:
            return image
        nearest_chroma = bool(rng.random() < self.jpeg_nearest_chroma_prob)
        return compress_jpeg(image, draw_quality(rng, self.jpeg_quality), nearest_chroma=nearest_chroma)


FIRST_STAGE = Stage(
    blur_prob=1.0,
    kernel=KernelChoice(sigma=(0.2, 3.0)),
    up_odds=0.2,
    down_odds=0.7,
    keep_odds=0.1,
    up_range=(1.0, 1.5),
    down_range=(0.15, 1.0),
    gaussian_sigma_levels=(1.0, 30.0),
    poisson_scale=(0.05, 3.0),
)
"""The first stage of the published x4 recipe."""

SECOND_STAGE = Stage(
    blur_prob=0.8,
    kernel=KernelChoice(sigma=(0.2, 1.5)),
    up_odds=0.3,
    down_odds=0.4,
    keep_odds=0.3,
    up_range=(1.0, 1.2),
    down_range=(0.3, 1.0),
    gaussian_sigma_levels=(1.0, 25.0),
    poisson_scale=(0.05, 2.5),
)
"""The second stage of the published x4 recipe."""
