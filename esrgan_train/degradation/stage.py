"""One order of the degradation: blur, resize, noise, JPEG, with the odds and ranges of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le, MinLen

from esrgan_train.bounds import Fraction, NonNegative
from esrgan_train.degradation.blur import blur
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.jpeg import compress_jpeg
from esrgan_train.degradation.kernel_choice import KernelChoice, draw_index, draw_kernel
from esrgan_train.degradation.noise import NoiseChoice
from esrgan_train.degradation.ranges import Range, check_odds
from esrgan_train.degradation.resize import RESIZE_MODES, ResizeMode, resize


@dataclass(frozen=True, kw_only=True)
class Stage(NoiseChoice):
    """What can happen to an image in one stage. Images are (H, W, 3) float32 RGB, nominally in [0,1]."""

    blur_prob: Fraction
    kernel: KernelChoice
    up_odds: NonNegative  # relative weights of enlarging, reducing and keeping the size
    down_odds: NonNegative
    keep_odds: NonNegative
    up_range: Range[Annotated[float, Ge(1), Le(16)]]  # factors
    down_range: Range[Annotated[float, Ge(0.01), Le(1)]]
    resize_modes: Annotated[tuple[ResizeMode, ...], MinLen(1)] = RESIZE_MODES  # equally likely
    noise_prob: Fraction = 1.0  # of any noise; `NoiseChoice` says of which kind
    jpeg_prob: Fraction = 1.0
    jpeg_quality: Range[Annotated[int, Ge(1), Le(100)]] = (30, 95)
    # Of a decoder that repeats chroma samples, as published; most programs that open real files interpolate them.
    jpeg_nearest_chroma_prob: Fraction = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_odds(up_odds=self.up_odds, down_odds=self.down_odds, keep_odds=self.keep_odds)

    def blur(self, image: Image, rng: np.random.Generator) -> Image:
        """Blur with a kernel drawn here, or not at all."""
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
        """Add noise, if any, and clamp to [0,1]."""
        if rng.random() < self.noise_prob:
            image = self.noisy(image, rng)
        return np.clip(image, 0.0, 1.0)

    def compress(self, image: Image, rng: np.random.Generator) -> Image:
        """Pass through a JPEG file of drawn quality, or not at all."""
        if rng.random() >= self.jpeg_prob:
            return image
        nearest_chroma = bool(rng.random() < self.jpeg_nearest_chroma_prob)
        quality = int(rng.integers(*self.jpeg_quality, endpoint=True))
        return compress_jpeg(image, quality, nearest_chroma=nearest_chroma)


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
