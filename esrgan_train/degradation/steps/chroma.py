"""Colour as video stores it, and the mistakes with which it is read: no codec, the chroma planes alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from esrgan_train.bounds import Fraction
from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.chroma_sampling import PIXEL_FORMATS, SITINGS, PixelFormat, Siting
from esrgan_train.degradation.drawing import HostStep
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.motion import moved
from esrgan_train.degradation.odds import Name, pick, settle_odds
from esrgan_train.degradation.planes import Layout, from_planes, pad, to_planes
from esrgan_train.degradation.ranges import Range
from esrgan_train.degradation.yuv import MATRICES, Matrix, from_yuv, to_yuv

Delays = Range[Annotated[float, Ge(0), Le(32)]]


@dataclass(frozen=True)
class Colours:
    """What the three planes mean."""

    matrix: Matrix
    full_range: bool
    siting: Siting


@dataclass(frozen=True)
class ColourTrip(HostStep):
    """Planes written by one meaning and read by another."""

    format: PixelFormat
    written: Colours
    read: Colours
    nearest_chroma: bool
    delay: float  # by which chroma lies to the right, in pixels

    def render(self, image: Image) -> Image:
        """Through planes of 8 bits; clamped to [0,1]."""
        height, width = image.shape[:2]
        written, read = self.written, self.read
        yuv = to_yuv(pad(image, 2), written.matrix, full_range=written.full_range)
        if self.delay:
            yuv[..., 1:] = moved(np.ascontiguousarray(yuv[..., 1:]), (0.0, self.delay))
        planes = to_planes(yuv, Layout(self.format, written.siting))
        yuv = from_planes(planes, Layout(self.format, read.siting), nearest=self.nearest_chroma)
        return from_yuv(yuv[:height, :width], read.matrix, full_range=read.full_range)


@dataclass(frozen=True, kw_only=True)
class Chroma(StepChoice):
    """A trip through planes of chroma at fewer samples, with the odds of each mistake."""

    formats: Mapping[PixelFormat, float] = field(default_factory=lambda: {"yuv420p": 1.0})  # odds, as the next two
    matrices: Mapping[Matrix, float] = field(default_factory=lambda: dict.fromkeys(MATRICES, 1.0))
    sitings: Mapping[Siting, float] = field(default_factory=lambda: {"left": 1.0})
    full_range_prob: Fraction = 0.0
    nearest_chroma_prob: Fraction = 0.0
    wrong_siting_prob: Fraction = 0.0
    wrong_matrix_prob: Fraction = 0.0
    wrong_range_prob: Fraction = 0.0
    delay_prob: Fraction = 0.0
    delay: Delays = (0.5, 3.0)  # pixels, to the left or right

    def __post_init__(self) -> None:
        super().__post_init__()
        settle_odds(self, formats=PIXEL_FORMATS, matrices=MATRICES, sitings=SITINGS)

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> ColourTrip:  # noqa: ARG002
        """Planes and how they are read."""

        def happens(prob: float) -> bool:
            return bool(rng.random() < prob)

        written = Colours(pick(self.matrices, rng), happens(self.full_range_prob), pick(self.sitings, rng))
        read = Colours(
            _another(MATRICES, written.matrix, rng) if happens(self.wrong_matrix_prob) else written.matrix,
            happens(self.wrong_range_prob) != written.full_range,
            _another(SITINGS, written.siting, rng) if happens(self.wrong_siting_prob) else written.siting,
        )
        delay = rng.uniform(*self.delay) * rng.choice([-1, 1]) if happens(self.delay_prob) else 0.0
        nearest = happens(self.nearest_chroma_prob)
        return ColourTrip(pick(self.formats, rng), written, read, nearest, float(delay))


def _another(names: tuple[Name, ...], name: Name, rng: np.random.Generator) -> Name:
    others = [each for each in names if each != name]
    return others[int(rng.integers(len(others)))]
