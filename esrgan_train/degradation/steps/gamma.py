"""A wrong transfer of tones: gamma, contrast, and the levels of black and white."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import HostStep
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.ranges import Factors, Range, draw_factor

Level = Annotated[float, Ge(-0.5), Le(1.5)]


@dataclass(frozen=True)
class Tones(HostStep):
    """A curve that is the same for all channels."""

    gamma: float
    contrast: float
    black: float  # what black and white become; beyond [0,1] they clip
    white: float

    def render(self, image: Image) -> Image:
        """black + (white − black)·(½ + contrast·(x^gamma − ½)), before and after clamped to [0,1]."""
        curve = np.clip(image, 0.0, 1.0)
        if self.gamma != 1:
            np.power(curve, np.float32(self.gamma), out=curve)
        curve -= np.float32(0.5)
        curve *= np.float32(self.contrast * (self.white - self.black))
        curve += np.float32(0.5 * (self.white + self.black))
        return np.clip(curve, 0.0, 1.0, out=curve)


@dataclass(frozen=True, kw_only=True)
class ShiftTones(StepChoice):
    """A drawn curve. Limited range shown as full is black 0.063 and white 0.922; the reverse -0.073 and 1.086."""

    gamma: Factors = (0.85, 1.18)  # above 1 darker
    contrast: Factors = (0.9, 1.1)  # about middle gray
    black: Range[Level] = (-0.02, 0.06)
    white: Range[Level] = (0.94, 1.02)

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Tones:  # noqa: ARG002
        """One curve."""
        gamma, contrast = draw_factor(rng, self.gamma), draw_factor(rng, self.contrast)
        return Tones(gamma, contrast, rng.uniform(*self.black), rng.uniform(*self.white))
