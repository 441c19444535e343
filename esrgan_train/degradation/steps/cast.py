"""Colour casts: a white balance that is off, and channels that are lifted or lowered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import HostStep
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.ranges import Factors, Range, draw_factor

_LUMA = (0.299, 0.587, 0.114)

Channels = tuple[float, float, float]


@dataclass(frozen=True)
class Cast(HostStep):
    """A gain and an offset for each of R, G and B."""

    gains: Channels
    offsets: Channels

    def render(self, image: Image) -> Image:
        """gain·x + offset, clamped to [0,1] as sensors and files clip."""
        cast: Image = image * np.array(self.gains, np.float32)
        cast += np.array(self.offsets, np.float32)
        return np.clip(cast, 0.0, 1.0, out=cast)


@dataclass(frozen=True, kw_only=True)
class AddCast(StepChoice):
    """A drawn white balance, whose gains keep the luma of gray, and offsets."""

    temperature: Factors = (0.85, 1.18)  # red over blue, of stored values: below 1 colder, above 1 warmer
    tint: Factors = (0.94, 1.06)  # green over the mean of red and blue: below 1 magenta, above 1 green
    offset: Range[Annotated[float, Ge(-1), Le(1)]] = (-0.02, 0.02)  # of each channel by itself

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Cast:  # noqa: ARG002
        """One cast."""
        temperature, tint = draw_factor(rng, self.temperature), draw_factor(rng, self.tint)
        red, green, blue = temperature**0.5, tint, temperature**-0.5
        luma = _LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue
        first, second, third = rng.uniform(*self.offset, size=3).tolist()
        return Cast((red / luma, green / luma, blue / luma), (first, second, third))
