"""Moiré: the beat between a display's or a print's fine grid and the pixels that sample it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from esrgan_train.bounds import Fraction
from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import HostStep
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.ranges import Degrees, Range

_UNIT = 100.0  # pixels, of the bend


@dataclass(frozen=True)
class Moire(HostStep):
    """Multiplication by a square grid, sampled at the pixels' centres: what is finer than they are, beats."""

    pitch: float  # pixels of the image a period of the grid
    degrees: float  # by which the grid is turned
    contrast: float  # of the pattern as it is seen, from its mean: after lens and pixel have averaged the grid
    stripes: bool  # columns of red, green and blue a third of a period apart, as displays have; else gray
    bend: float  # periods by which the grid is off 100 pixels from the centre, as lenses distort
    centre: tuple[float, float]  # row and column of the bend's centre
    phases: tuple[float, float]  # of the grid's columns and rows, in periods

    def render(self, image: Image) -> Image:
        """The image times (1 + contrast·column)·(1 + contrast·row), clamped to [0,1]."""
        across, down = self.periods(image.shape[:2])
        shifts = np.array([0, 1 / 3, 2 / 3] if self.stripes else [0], dtype=np.float32)
        contrast = np.float32(self.contrast)
        grid = 1 + contrast * np.cos(np.float32(2 * math.pi) * ((across % 1)[..., None] - shifts))
        grid *= (1 + contrast * np.cos(np.float32(2 * math.pi) * (down % 1)))[..., None]
        return np.asarray(np.clip(image * grid, 0.0, 1.0))

    def periods(self, size: tuple[int, int]) -> tuple[Image, Image]:
        """How many columns and rows of the grid lie before each pixel's centre, (H, W) each, less whole ones."""
        y, x = (np.arange(length, dtype=np.float64) for length in size)
        cosine, sine = (f(math.radians(self.degrees)) / self.pitch for f in (math.cos, math.sin))
        far = ((y - self.centre[0])[:, None] ** 2 + (x - self.centre[1]) ** 2) * (self.bend / _UNIT**2)
        across = ((cosine * x) % 1 + (sine * y)[:, None] % 1) + far + self.phases[0]
        down = ((cosine * y)[:, None] % 1 - (sine * x) % 1) + far + self.phases[1]
        return across.astype(np.float32), down.astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class AddMoire(StepChoice):
    """A grid about as fine as the pixels: the nearer its pitch is to 1, the wider the bands."""

    pitch: Range[Annotated[float, Ge(0.2), Le(16)]] = (0.93, 1.08)  # pixels of the image as it is then
    angle: Degrees = (-4.0, 4.0)
    contrast: Range[Fraction] = (0.03, 0.2)
    stripes_prob: Fraction = 0.6
    bend: Range[Annotated[float, Ge(-20), Le(20)]] = (-1.5, 1.5)  # periods, 100 pixels from its centre

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Moire:
        """One grid, bent about some point of the image."""
        pitch, degrees = rng.uniform(*self.pitch), rng.uniform(*self.angle)
        contrast, bend = rng.uniform(*self.contrast), rng.uniform(*self.bend)
        row, column, across, down = rng.random(4).tolist()
        centre = row * canvas.now[0], column * canvas.now[1]
        stripes = bool(rng.random() < self.stripes_prob)
        return Moire(pitch, degrees, contrast, stripes, bend, centre, (across, down))
