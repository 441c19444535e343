"""Blur of a camera or an object that moves straight while the shutter is open."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from esrgan_train.degradation.aperture_kernels import motion_kernel
from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import Blur, Place
from esrgan_train.degradation.ranges import Degrees, Range


@dataclass(frozen=True, kw_only=True)
class BlurMotion(StepChoice):
    """A line of drawn length and direction."""

    length: Range[Annotated[float, Ge(0), Le(97)]] = (1.0, 10.0)  # pixels of the image as it is then
    angle: Degrees = (0.0, 180.0)  # from the x axis clockwise

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Blur:  # noqa: ARG002
        """One kernel."""
        length, angle = rng.uniform(*self.length), rng.uniform(*self.angle)
        return Blur(motion_kernel(length=length, angle=math.radians(angle)))

    def place(self, most: Canvas) -> Place:
        """With room for the longest line."""
        return Place(Blur, *most.now, kernel=len(motion_kernel(length=self.length[1], angle=0.0)))
