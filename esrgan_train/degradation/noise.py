"""Gaussian and Poisson noise, in colour or gray."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from esrgan_train.bounds import Fraction
from esrgan_train.degradation.drawing import Noise
from esrgan_train.degradation.image import Image, to_levels
from esrgan_train.degradation.poisson import sample_poisson
from esrgan_train.degradation.ranges import NoiseLevels, PoissonScales, settle
from esrgan_train.images.decode import to_float


@dataclass(frozen=True, kw_only=True)
class NoiseChoice:
    """Which noise occurs, and how strong."""

    gaussian_prob: Fraction = 0.5  # Poisson otherwise
    gaussian_sigma_levels: NoiseLevels  # standard deviations, in 8-bit levels (1/255)
    poisson_scale: PoissonScales
    gray_prob: Fraction = 0.4  # of one noise map for all channels, for either noise

    def __post_init__(self) -> None:
        settle(self)

    def draw_noise(self, rng: np.random.Generator) -> Noise:
        """Noise of some kind and strength."""
        gray = bool(rng.random() < self.gray_prob)
        gaussian = rng.random() < self.gaussian_prob
        strength = rng.uniform(*(self.gaussian_sigma_levels if gaussian else self.poisson_scale))
        return Noise("gaussian" if gaussian else "poisson", strength, gray, key=int(rng.integers(2**63)))


def add_noise(image: Image, noise: Noise) -> Image:
    """A copy with the noise added, (H, W, 3) float32, not clamped; it depends on nothing else."""
    rng = np.random.Generator(np.random.SFC64(noise.key))
    if noise.kind == "gaussian":
        return add_gaussian_noise(image, sigma_levels=noise.strength, gray=noise.gray, rng=rng)
    return add_poisson_noise(image, scale=noise.strength, gray=noise.gray, rng=rng)


def add_gaussian_noise(image: Image, *, sigma_levels: float, gray: bool, rng: np.random.Generator) -> Image:
    """Add white noise of standard deviation `sigma_levels`/255; `gray`: the same to all channels. Not clamped."""
    shape = (*image.shape[:2], 1 if gray else image.shape[2])
    noise = rng.standard_normal(shape, dtype=np.float32)
    noise *= np.float32(sigma_levels / 255.0)
    return _add(image, noise)


def add_poisson_noise(image: Image, *, scale: float, gray: bool, rng: np.random.Generator) -> Image:
    """Add shot noise: scale · (Poisson(x·v)/v − x), x being the image rounded to 8 bits.

    v is the number of distinct values in x, rounded up to a power of two; scale 1 is the noise of v photons at
    full brightness. Gray noise is that of the luma (.299, .587, .114), added to all channels.

    Shape:
        (H, W, 3) float32 RGB in [0,1], where values outside count as 0 or 1 → the same, not clamped.
    """
    source = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.float32) if gray else image
    levels = to_levels(source)
    distinct = np.count_nonzero(cv2.calcHist([levels.ravel()], [0], None, [256], [0, 256]))
    peak = 2 ** math.ceil(math.log2(distinct))
    noise = sample_poisson(levels, peak, rng).astype(np.float32)
    noise *= np.float32(scale / peak)
    noise -= np.float32(scale) * to_float(levels)
    return _add(image, noise[..., None] if gray else noise)


def _add(image: Image, noise: Image) -> Image:
    if noise.shape == image.shape:  # its memory is used again
        noise += image
        return noise
    return image + noise
