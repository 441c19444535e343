"""Thicker or thinner lines of drawings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import cv2
import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import HostStep
from esrgan_train.degradation.image import Image, to_levels
from esrgan_train.degradation.ranges import Range
from esrgan_train.images.decode import to_float


@dataclass(frozen=True)
class Thickening(HostStep):
    """Dark lines that get wider by some pixels, or narrower where it is negative."""

    growth: float

    def render(self, image: Image) -> Image:
        """Each pixel takes the colour of the darkest (or lightest) one within half the growth, by luma.

        Between two whole radii the two results are blended, so the ink grows evenly with ``growth``. Clamped to
        [0,1] and rounded to 8 bits before.
        """
        radius = abs(self.growth) / 2
        below, share = math.floor(radius), radius % 1
        coded = _coded(to_levels(image))
        result = _colours(_spread(coded, below, darkest=self.growth > 0))
        if share:
            wider = _colours(_spread(coded, below + 1, darkest=self.growth > 0))
            result += np.float32(share) * (wider - result)
        return result


@dataclass(frozen=True, kw_only=True)
class Thicken(StepChoice):
    """Lines that are thicker or thinner by a drawn width."""

    growth: Range[Annotated[float, Ge(-16), Le(16)]] = (-1.0, 2.0)  # pixels of the image as it is then

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Thickening:  # noqa: ARG002
        """One width."""
        return Thickening(rng.uniform(*self.growth))


def _coded(levels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Luma and colour in one number, so that OpenCV's least of several is the colour of the darkest."""
    red, green, blue = (levels[..., channel].astype(np.float64) for channel in range(3))
    luma = 299 * red + 587 * green + 114 * blue  # below 2^18; with 24 bits of colour exact in float64
    return luma * 2**24 + red * 2**16 + green * 2**8 + blue


def _spread(coded: NDArray[np.float64], radius: int, *, darkest: bool) -> NDArray[np.float64]:
    """The least, or the greatest, within a disc."""
    if not radius:
        return coded
    axis = np.arange(-radius, radius + 1)
    disc = (axis**2 + axis[:, None] ** 2 <= radius * (radius + 0.5)).astype(np.uint8)
    return np.asarray((cv2.erode if darkest else cv2.dilate)(coded, disc, borderType=cv2.BORDER_REPLICATE))


def _colours(coded: NDArray[np.float64]) -> Image:
    colour = (coded % 2**24).astype(np.uint32)
    return to_float(np.stack([colour >> 16, colour >> 8 & 255, colour & 255], -1).astype(np.uint8))
