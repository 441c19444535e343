"""The second-order degradation of Real-ESRGAN: from a sharp photograph to a low-quality input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from esrgan_train.bounds import Count, Fraction
from esrgan_train.degradation.drawing import Blur, Drawing, Jpeg, Place, Resize, Step
from esrgan_train.degradation.image import Image, check_sides
from esrgan_train.degradation.kernel_choice import draw_size
from esrgan_train.degradation.kernels import bicubic_reduction_kernel, circular_lowpass_kernel
from esrgan_train.degradation.ranges import Cutoffs, Sizes, settle
from esrgan_train.degradation.rendering import render
from esrgan_train.degradation.stage import FIRST_STAGE, SECOND_STAGE, Stage

_REDUCTION = 6  # the place of the second stage's resize, behind the first stage's five steps and a blur


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
    clean_prob: Fraction = 0.0  # of a clean bicubic reduction instead of all that
    jpeg_last_prob: Fraction = 0.5  # of the second JPEG after the final resize and low-pass, instead of before
    device: Literal["auto", "cpu", "cuda"] = "auto"  # on which a training renders; calling it renders on the CPU

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
        return render(hr, self.draw((hr.shape[0], hr.shape[1]), rng))

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> Drawing:
        """What happens to an image of that (height, width), which must be multiples of `upscale`."""
        low = size[0] // self.upscale, size[1] // self.upscale
        if self.clean_prob and rng.random() < self.clean_prob:  # 0 draws nothing: samples stay as they were
            return self._draw_clean(size)
        first = self.first.draw(size, rng)
        *second, jpeg = self.second.draw(low, rng)
        jpeg_last = rng.random() < self.jpeg_last_prob
        final = Resize(*low, self.second.draw_mode(rng))
        ring = self._draw_ring(rng) if rng.random() < self.final_sinc_prob else None
        return (*first, *second, None if jpeg_last else jpeg, final, ring, jpeg if jpeg_last else None)

    def places(self, size: tuple[int, int]) -> tuple[Place, ...]:
        """The places of what ``draw`` draws for that (height, width)."""
        low = size[0] // self.upscale, size[1] // self.upscale
        first = self.first.places(size, size)
        *second, jpeg = self.second.places((first[-1].height, first[-1].width), low)
        if self.clean_prob:  # nothing is resized before the reduction, and nothing after it
            kernel = len(bicubic_reduction_kernel(self.upscale))
            first = tuple(place.holding(*size, kernel=kernel if place.kind is Blur else 0) for place in first)
            *second, jpeg = (place.holding(*(size if place.kind is Blur else low)) for place in (*second, jpeg))
        ring = Place(Blur, *low, kernel=self.final_sinc_size[1])
        return (*first, *second, jpeg, Place(Resize, *low), ring, Place(Jpeg, *low))

    def _draw_clean(self, size: tuple[int, int]) -> Drawing:
        """Nothing but the reduction of ``degradation=bicubic``, at the places of the others."""
        drawing: list[Step | None] = [None] * len(self.places(size))
        if self.upscale > 1:
            drawing[0] = Blur(bicubic_reduction_kernel(self.upscale))
        drawing[_REDUCTION] = Resize(size[0] // self.upscale, size[1] // self.upscale, "area")
        return tuple(drawing)

    def _draw_ring(self, rng: np.random.Generator) -> Blur:
        size = draw_size(rng, self.final_sinc_size)
        return Blur(circular_lowpass_kernel(size, cutoff=math.pi * rng.uniform(*self.final_sinc_cutoff)))
