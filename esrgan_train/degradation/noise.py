"""Gaussian and Poisson noise, in colour or gray."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from esrgan_train.bounds import Fraction
from esrgan_train.degradation.image import Image, to_levels
from esrgan_train.degradation.poisson import sample_poisson
from esrgan_train.degradation.ranges import NoiseLevels, PoissonScales, settle
from esrgan_train.images.decode import to_float


@dataclass(frozen=True, kw_only=True)
class NoiseChoice:
    """Which noise occurs, and how strong.

    Attributes:
        gaussian_prob: Probability that the noise is Gaussian; Poisson otherwise.
        gaussian_sigma_levels: Its standard deviations, in 8-bit levels (1/255).
        poisson_scale: Strengths of the Poisson noise.
        gray_prob: Probability of one noise map for all channels, for either noise.

    Raises:
        UserError: a value is out of bounds.
    """

    gaussian_prob: Fraction
    gaussian_sigma_levels: NoiseLevels
    poisson_scale: PoissonScales
    gray_prob: Fraction

    def __post_init__(self) -> None:
        settle(self)

    def noisy(self, image: Image, rng: np.random.Generator) -> Image:
        """Return a copy with noise of a kind and strength drawn here, (H, W, 3) float32, not clamped."""
        gray = bool(rng.random() < self.gray_prob)
        if rng.random() < self.gaussian_prob:
            sigma = rng.uniform(*self.gaussian_sigma_levels)
            return add_gaussian_noise(image, sigma_levels=sigma, gray=gray, rng=rng)
        return add_poisson_noise(image, scale=rng.uniform(*self.poisson_scale), gray=gray, rng=rng)


def add_gaussian_noise(image: Image, *, sigma_levels: float, gray: bool, rng: np.random.Generator) -> Image:
    """Add white Gaussian noise.

    Args:
        image: (H, W, 3) float32 in [0,1].
        sigma_levels: Standard deviation in 8-bit levels, that is, in units of 1/255.
        gray: One noise map for all channels instead of one each.
        rng: Where the noise comes from.

    Returns:
        (H, W, 3) float32, not clamped.
    """
    shape = (*image.shape[:2], 1 if gray else image.shape[2])
    noise = rng.standard_normal(shape, dtype=np.float32)
    noise *= np.float32(sigma_levels / 255.0)
    return _add(image, noise)


def add_poisson_noise(image: Image, *, scale: float, gray: bool, rng: np.random.Generator) -> Image:
    """Add shot noise: scale · (Poisson(x·v)/v − x), x being the image rounded to 8 bits.

    v is the number of distinct values in x, rounded up to a power of two. Gray noise is that of the luma,
    added to all channels.

    Args:
        image: (H, W, 3) float32 RGB; nominally in [0,1], values outside count as 0 or 1 for the noise.
        scale: Strength; 1 is the noise of v photons at full brightness.
        gray: One noise map, made from luma (.299, .587, .114), instead of one for each channel.
        rng: Where the noise comes from.

    Returns:
        (H, W, 3) float32, not clamped.
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
    """Return the sum, reusing the memory of a colour noise map."""
    if noise.shape == image.shape:
        noise += image
        return noise
    return image + noise
