"""Blur of a lens that is out of focus."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from esrgan_train.bounds import Fraction
from esrgan_train.degradation.aperture_kernels import lens_kernel
from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import Blur, Place
from esrgan_train.degradation.ranges import Range


@dataclass(frozen=True, kw_only=True)
class BlurLens(StepChoice):
    """A disc of drawn radius, or a polygon as the blades of a stopped-down aperture make it."""

    radius: Range[Annotated[float, Ge(0.5), Le(48)]] = (0.7, 4.0)  # pixels of the image as it is then
    polygon_prob: Fraction = 0.5
    blades: Range[Annotated[int, Ge(3), Le(16)]] = (5, 8)

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Blur:  # noqa: ARG002
        """One kernel."""
        radius, angle = rng.uniform(*self.radius), rng.uniform(0, 2 * math.pi)
        blades = int(rng.integers(*self.blades, endpoint=True))
        polygon = rng.random() < self.polygon_prob
        return Blur(lens_kernel(radius=radius, blades=blades if polygon else 0, angle=angle))

    def place(self, most: Canvas) -> Place:
        """With room for the largest disc."""
        return Place(Blur, *most.now, kernel=len(lens_kernel(radius=self.radius[1])))
