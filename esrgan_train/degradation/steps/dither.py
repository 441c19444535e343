"""Reduction to few levels a channel, with the patterns that hide it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import numpy as np
from annotated_types import Ge, Le, MinLen
from numpy.typing import NDArray

from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import HostStep
from esrgan_train.degradation.error_diffusion import DIFFUSIONS, Diffusion, diffuse
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.ranges import Range

Ordered = Literal["bayer2", "bayer4", "bayer8"]
Dithering = Literal["none", Ordered, Diffusion]
DITHERINGS: tuple[Dithering, ...] = get_args(Dithering)
_SIDES: dict[str, int] = {"bayer2": 2, "bayer4": 4, "bayer8": 8}


@dataclass(frozen=True)
class Dithered(HostStep):
    """Rounding each channel to evenly spaced levels, black and white among them."""

    levels: int
    dithering: Dithering
    origin: tuple[int, int] = (0, 0)  # row and column of a Bayer matrix at the image's corner

    def render(self, image: Image) -> Image:
        """One of the levels at every pixel; clamped to [0,1]."""
        scaled = np.clip(image, 0.0, 1.0) * np.float32(self.levels - 1)
        if self.dithering in _SIDES:
            threshold = bayer_thresholds(_SIDES[self.dithering], image.shape[:2], self.origin)
            scaled += threshold[..., None]
        if self.dithering in DIFFUSIONS:
            steps = diffuse(scaled, self.dithering, self.levels - 1)
        else:
            steps = np.clip(np.floor(scaled + np.float32(0.5)), 0, self.levels - 1)
        return steps / np.float32(self.levels - 1)


@dataclass(frozen=True, kw_only=True)
class Dither(StepChoice):
    """Few levels a channel, by one of some ditherings, equally likely."""

    levels: Range[Annotated[int, Ge(2), Le(256)]] = (4, 32)  # a channel
    ditherings: Annotated[tuple[Dithering, ...], MinLen(1)] = DITHERINGS

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Dithered:  # noqa: ARG002
        """One number of levels, evenly in its logarithm, and one dithering."""
        low, high = np.log(self.levels[0] - 0.5), np.log(self.levels[1] + 0.5)
        levels = int(np.clip(np.rint(np.exp(rng.uniform(low, high))), *self.levels))
        dithering = self.ditherings[int(rng.integers(len(self.ditherings)))]
        row, column = (int(each) for each in rng.integers(8, size=2))
        return Dithered(levels, dithering, (row, column))


def bayer_matrix(side: int) -> NDArray[np.int64]:
    """The numbers from 0 to side² − 1 in Bayer's order, for a side that is a power of two.

    Bayer, "An optimum method for two-level rendition of continuous-tone pictures", 1973.
    """
    matrix = np.zeros((1, 1), dtype=np.int64)
    while len(matrix) < side:
        matrix = np.block([[4 * matrix, 4 * matrix + 2], [4 * matrix + 3, 4 * matrix + 1]])
    return matrix


def bayer_thresholds(side: int, size: tuple[int, int], origin: tuple[int, int]) -> Image:
    """What is added before rounding, (H, W) float32 in (−0.5, 0.5) of mean 0 over a matrix."""
    matrix = (bayer_matrix(side) + 0.5) / side**2 - 0.5
    rows, columns = ((np.arange(length) + first) % side for length, first in zip(size, origin, strict=True))
    return matrix[np.ix_(rows, columns)].astype(np.float32)
