"""Noise that a network learns to keep: it is in the training target and in the input made from it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from esrgan_train.bounds import Count
from esrgan_train.degradation.image import Image, check_sides
from esrgan_train.degradation.noise import NoiseChoice, add_noise


@dataclass(frozen=True, kw_only=True)
class TargetNoise(NoiseChoice):
    """Gaussian or Poisson noise whose grains are as large as one LR pixel.

    White noise at HR would be averaged away in the input, and the network would learn to remove noise after all.
    So the noise is made at LR size, to which its own options refer, and enlarged.
    """

    upscale: Count  # HR pixels per LR pixel, the size of a grain

    def __call__(self, hr: Image, rng: np.random.Generator) -> Image:
        """Noise to add to a photograph, of mean near 0; the same state of ``rng`` gives the same bytes.

        Shape:
            (H, W, 3) float32 RGB in [0,1] → the same.

        Raises:
            ValueError: a side is not a multiple of ``upscale``.
        """
        check_sides(hr, self.upscale)
        height, width = hr.shape[:2]
        size = (width // self.upscale, height // self.upscale)
        # The mean of whole blocks; Poisson noise depends on how bright the photograph is.
        lr = np.asarray(cv2.resize(hr, size, interpolation=cv2.INTER_AREA), dtype=np.float32)
        grains = add_noise(lr, self.draw_noise(rng))
        grains -= lr
        noise = cv2.resize(grains, (width, height), interpolation=cv2.INTER_CUBIC)
        return np.asarray(noise, dtype=np.float32).reshape(hr.shape)


def with_noise(image: Image, noise: Image) -> Image:
    """The sum in [0,1], (H, W, 3) float32."""
    return np.asarray(np.clip(image + noise, 0.0, 1.0))
