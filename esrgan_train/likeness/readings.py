"""What is measured of crops of both kinds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esrgan_train.likeness.pictures import Crop
from esrgan_train.screening.blocks import blockiness
from esrgan_train.screening.blur import edge_width
from esrgan_train.screening.luma import Luma, luma_of
from esrgan_train.screening.noise import noise_level

Values = NDArray[np.float64]  # one for each crop that the measure says something about


@dataclass(frozen=True)
class Measure:
    """A figure of a crop, and the words for what has more and less of it."""

    title: str
    of: Callable[[Luma], float]  # NaN where it says nothing
    more: str
    less: str


MEASURES = {
    "blur": Measure("width of the sharpest edges, pixels", edge_width, more="softer", less="sharper"),
    "noise": Measure("noise, σ in levels of 255", noise_level, more="noisier", less="cleaner"),
    "blocks": Measure(
        "blocks of 8 pixels, 1 for none", blockiness, more="more compressed", less="less compressed"
    ),
}


def read(crops: Sequence[Crop]) -> dict[str, Values]:
    """The values of each measure, without those that say nothing."""
    lumas = [luma_of(crop.image) for crop in crops]
    values = {name: np.array([measure.of(luma) for luma in lumas]) for name, measure in MEASURES.items()}
    return {name: each[np.isfinite(each)] for name, each in values.items()}


def separation(own: Values, made: Values) -> float:
    """How far two sets lie apart: 1 if each own value is above each made one, -1 if below, 0 if they are alike.

    Cliff's delta: the share of pairs in which the own value is larger, less that in which it is smaller.
    """
    return float(np.sign(own[:, None] - made[None, :]).mean()) if own.size and made.size else 0.0
