"""The second-order degradation of Real-ESRGAN: from a sharp photograph to a low-quality input."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from esrgan_train.bounds import Count, Fraction
from esrgan_train.degradation.blur import blur
from esrgan_train.degradation.image import Image, check_sides, to_levels
from esrgan_train.degradation.kernel_choice import draw_size
from esrgan_train.degradation.kernels import circular_lowpass_kernel
from esrgan_train.degradation.ranges import Cutoffs, Sizes, settle
from esrgan_train.degradation.stage import FIRST_STAGE, SECOND_STAGE, Stage
from esrgan_train.images.decode import to_float


@dataclass(frozen=True, kw_only=True)
class RealESRGANDegradation:
    """Blur, resize, noise and JPEG, twice, then a ringing low-pass; every choice drawn per image.

    Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data", 2021.
    The defaults are the published x4 recipe, with two deliberate differences: JPEG is libjpeg's, without the
    black padding that tints the last rows and columns, and the first resize does not shift the content.
    """

    upscale: Count = 4
    first: Stage = FIRST_STAGE  # its resize factors refer to the size of the photograph
    second: Stage = SECOND_STAGE  # its factors refer to that of the result; its modes serve the final resize too
    final_sinc_prob: Fraction = 0.8
    final_sinc_size: Sizes = (7, 21)  # pixels a side; odd sizes in between are equally likely
    final_sinc_cutoff: Cutoffs = (1 / 3, 1.0)  # of the Nyquist frequency
    jpeg_last_prob: Fraction = 0.5  # of the second JPEG after the final resize and low-pass, instead of before

    def __post_init__(self) -> None:
        settle(self)

    def __call__(self, hr: Image, rng: np.random.Generator) -> Image:
        """Degrade one image; the same state of `rng` gives the same bytes.

        The published recipe sharpens `hr` before, with `usm_sharpen`.

        Shape:
            (H, W, 3) float32 RGB in [0,1] → (H/upscale, W/upscale, 3), on the 8-bit grid.

        Raises:
            ValueError: a side is not a multiple of `upscale`.
        """
        check_sides(hr, self.upscale)
        height, width = hr.shape[:2]
        image = self.first.blur(hr, rng)
        image = self.first.resize(image, (height, width), rng)
        image = self.first.add_noise(image, rng)
        image = self.first.compress(image, rng)

        height, width = height // self.upscale, width // self.upscale
        image = self.second.blur(image, rng)
        image = self.second.resize(image, (height, width), rng)
        image = self.second.add_noise(image, rng)
        jpeg_last = rng.random() < self.jpeg_last_prob
        if not jpeg_last:
            image = self.second.compress(image, rng)
        image = self.second.resize_to(image, height, width, rng)
        image = self._ring(image, rng)
        if jpeg_last:
            image = self.second.compress(image, rng)
        return to_float(to_levels(image))

    def _ring(self, image: Image, rng: np.random.Generator) -> Image:
        if rng.random() >= self.final_sinc_prob:
            return image
        size = draw_size(rng, self.final_sinc_size)
        return blur(image, circular_lowpass_kernel(size, cutoff=math.pi * rng.uniform(*self.final_sinc_cutoff)))
