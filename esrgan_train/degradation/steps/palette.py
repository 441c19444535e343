"""Reduction to a palette of an image's own, as GIF and PNG8 have it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import numpy as np
from annotated_types import Ge, Le, MinLen
from PIL import Image as PillowImage

from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import HostStep
from esrgan_train.degradation.image import Image, to_levels
from esrgan_train.degradation.ranges import Range
from esrgan_train.degradation.steps.dither import bayer_thresholds
from esrgan_train.images.decode import to_float

Method = Literal["median_cut", "octree"]
PaletteDithering = Literal["none", "floyd_steinberg", "bayer8"]
METHODS: tuple[Method, ...] = get_args(Method)
DITHERINGS: tuple[PaletteDithering, ...] = get_args(PaletteDithering)
_PILLOW = {"median_cut": PillowImage.Quantize.MEDIANCUT, "octree": PillowImage.Quantize.FASTOCTREE}

# Pixels from which the colours are chosen: Pillow's median cut takes 900 ms for all of 300 × 300, 10 ms for these.
_SAMPLED = 4096


@dataclass(frozen=True)
class Indexed(HostStep):
    """An image of a few colours, which are chosen for it."""

    colours: int
    method: Method
    dithering: PaletteDithering
    amplitude: float = 0.0  # of bayer8, in 8-bit levels from the lowest to the highest

    def render(self, image: Image) -> Image:
        """Choose the palette with Pillow, and the nearest of its colours; clamped to [0,1], 8 bits."""
        palette = _picture(_sample(image)).quantize(self.colours, _PILLOW[self.method])
        if self.dithering == "bayer8":
            thresholds = bayer_thresholds(8, image.shape[:2], (0, 0)) * np.float32(self.amplitude / 255)
            image = image + thresholds[..., None]
        diffusion = PillowImage.Dither.FLOYDSTEINBERG if self.dithering == "floyd_steinberg" else None
        indexed = _picture(image).quantize(palette=palette, dither=diffusion or PillowImage.Dither.NONE)
        return to_float(np.asarray(indexed.convert("RGB")))


@dataclass(frozen=True, kw_only=True)
class ReduceColours(StepChoice):
    """A palette of a drawn size, by methods and ditherings that are equally likely."""

    colours: Range[Annotated[int, Ge(2), Le(256)]] = (16, 256)  # evenly in its logarithm
    methods: Annotated[tuple[Method, ...], MinLen(1)] = METHODS
    ditherings: Annotated[tuple[PaletteDithering, ...], MinLen(1)] = DITHERINGS
    bayer_amplitude: Range[Annotated[float, Ge(0), Le(128)]] = (8.0, 32.0)  # 8-bit levels, lowest to highest

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Indexed:  # noqa: ARG002
        """One palette."""
        low, high = math.log(self.colours[0] - 0.5), math.log(self.colours[1] + 0.5)
        colours = min(max(round(math.exp(rng.uniform(low, high))), self.colours[0]), self.colours[1])
        method = self.methods[int(rng.integers(len(self.methods)))]
        dithering = self.ditherings[int(rng.integers(len(self.ditherings)))]
        amplitude = rng.uniform(*self.bayer_amplitude)
        return Indexed(colours, method, dithering, amplitude if dithering == "bayer8" else 0.0)


def _sample(image: Image) -> Image:
    """Every n-th pixel, so that there are at most 4,096."""
    pixels = image.reshape(1, -1, 3)
    return pixels[:, :: math.ceil(pixels.shape[1] / _SAMPLED)]


def _picture(image: Image) -> PillowImage.Image:
    return PillowImage.fromarray(to_levels(np.ascontiguousarray(image)))
