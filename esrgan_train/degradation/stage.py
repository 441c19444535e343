"""One order of the degradation: blur, resize, noise, JPEG, with the odds and ranges of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from esrgan_train.bounds import Fraction
from esrgan_train.degradation.drawing import Blur, Clamp, Drawing, Jpeg, Noise, Place, Resize
from esrgan_train.degradation.kernel_choice import KernelChoice, draw_kernel
from esrgan_train.degradation.noise import NoiseChoice
from esrgan_train.degradation.ranges import Qualities
from esrgan_train.degradation.resize_choice import ResizeChoice


@dataclass(frozen=True, kw_only=True)
class Stage(ResizeChoice, NoiseChoice):
    """What can happen to an image in one stage."""

    blur_prob: Fraction
    kernel: KernelChoice
    noise_prob: Fraction = 1.0  # of any noise; `NoiseChoice` says of which kind
    jpeg_prob: Fraction = 1.0
    jpeg_quality: Qualities = (30, 95)
    # Of a decoder that repeats chroma samples, as published; most programs that open real files interpolate them.
    jpeg_nearest_chroma_prob: Fraction = 1.0

    def draw(self, full: tuple[float, float], rng: np.random.Generator) -> Drawing:
        """Blur, resize, noise, clamp and JPEG; resize factors refer to ``full``, (height, width)."""
        blur = Blur(draw_kernel(rng, self.kernel)) if rng.random() < self.blur_prob else None
        resize = self.draw_resize(full, rng)
        noise = self.draw_noise(rng) if rng.random() < self.noise_prob else None
        jpeg = self.draw_jpeg(rng) if rng.random() < self.jpeg_prob else None
        return blur, resize, noise, Clamp(), jpeg

    def places(self, size: tuple[int, int], full: tuple[int, int]) -> tuple[Place, ...]:
        """The places of what ``draw`` draws, for images of at most ``size`` rows and columns."""
        most = self.largest(full)
        blur = Place(Blur, *size, kernel=self.kernel.size[1])
        return (blur, *(Place(kind, *most) for kind in (Resize, Noise, Clamp, Jpeg)))

    def draw_jpeg(self, rng: np.random.Generator) -> Jpeg:
        """A JPEG file of some quality."""
        nearest_chroma = bool(rng.random() < self.jpeg_nearest_chroma_prob)
        return Jpeg(int(rng.integers(*self.jpeg_quality, endpoint=True)), nearest_chroma)


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
