"""Noise that a photograph keeps: it stands in the training target and in the input made from it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from esrgan_train.degradation.checks import Range, check_probability, check_range, check_sides, check_upscale
from esrgan_train.degradation.noise import add_gaussian_noise, add_poisson_noise

Image = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class TargetNoise:
    """Gaussian or Poisson noise whose grains are as large as one LR pixel.

    White noise at HR would be averaged away in the input, and a network cannot return what its input does not
    show: it would learn to remove noise after all. So the noise is made at LR size and enlarged.

    Attributes:
        upscale: HR pixels per LR pixel, the size of a grain.
        gaussian_prob: Probability that the noise is Gaussian; Poisson otherwise.
        gaussian_sigma_levels: Its standard deviations, in 8-bit levels (1/255), at LR size.
        poisson_scale: Strengths of the Poisson noise.
        gray_prob: Probability of one noise map for all channels, for either noise.

    Raises:
        UserError: a value out of bounds.
    """

    upscale: int
    gaussian_prob: float
    gaussian_sigma_levels: Range
    poisson_scale: Range
    gray_prob: float

    def __post_init__(self) -> None:
        check_upscale(self.upscale)
        check_probability("gaussian_prob", self.gaussian_prob)
        check_probability("gray_prob", self.gray_prob)
        sigma = check_range("gaussian_sigma_levels", self.gaussian_sigma_levels, low=0, high=255)
        scale = check_range("poisson_scale", self.poisson_scale, low=0, high=1000)
        object.__setattr__(self, "gaussian_sigma_levels", sigma)
        object.__setattr__(self, "poisson_scale", scale)

    def __call__(self, hr: Image, rng: np.random.Generator) -> Image:
        """Draw the noise of one photograph.

        Args:
            hr: (H, W, 3) float32 RGB in [0,1], both sides multiples of ``upscale``; not changed.
            rng: Decides everything: the same state gives the same bytes.

        Returns:
            (H, W, 3) float32, to be added; its mean is near 0.

        Raises:
            ValueError: a side is not a multiple of ``upscale``.
        """
        check_sides(hr, self.upscale)
        height, width = hr.shape[:2]
        size = (width // self.upscale, height // self.upscale)
        # The mean of whole blocks; Poisson noise depends on how bright the photograph is.
        lr = np.asarray(cv2.resize(hr, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
        gray = bool(rng.random() < self.gray_prob)
        if rng.random() < self.gaussian_prob:
            sigma = rng.uniform(*self.gaussian_sigma_levels)
            noisy = add_gaussian_noise(lr, sigma_levels=sigma, gray=gray, rng=rng)
        else:
            noisy = add_poisson_noise(lr, scale=rng.uniform(*self.poisson_scale), gray=gray, rng=rng)
        noisy -= lr
        noise = cv2.resize(noisy, (width, height), interpolation=cv2.INTER_CUBIC)
        return np.asarray(noise, dtype=np.float32).reshape(hr.shape)


def add_noise(image: Image, noise: Image) -> Image:
    """Return the sum in [0,1], (H, W, 3) float32."""
    total: Image = np.clip(image + noise, 0.0, 1.0)
    return total
