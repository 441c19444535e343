"""Interlacing of two moments, and its removal by simple means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import cv2
import numpy as np

from esrgan_train.bounds import Fraction
from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import HostStep
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.motion import Shift, Speeds, draw_motion, moved
from esrgan_train.degradation.odds import pick, settle_odds

Removal = Literal["weave", "blend", "double", "interpolate"]
REMOVALS: tuple[Removal, ...] = get_args(Removal)


@dataclass(frozen=True)
class Interlacing(HostStep):
    """Every second line shows the picture, the lines between show what it is a field later."""

    top_first: bool  # the first line shows the picture as it is; otherwise the second
    motion: Shift  # from field to field
    removal: Removal

    def render(self, image: Image) -> Image:
        """Weave: both fields stay, with combs where something moves. Blend: lines are filtered by [1, 2, 1]/4.

        Double and interpolate keep one field: each line twice, or the mean of two lines between them.
        """
        first = 0 if self.top_first else 1
        lines = np.arange(len(image))
        if first == len(image):  # a single line, which belongs to the other field
            return moved(image, self.motion) if self.removal in ("weave", "blend") else image.copy()
        if self.removal == "double":
            doubled: Image = image[np.minimum(lines // 2 * 2 + first, lines[first::2][-1])]
            return doubled
        woven = image.copy()
        between = lines[1 - first :: 2]
        if self.removal == "interpolate":
            above, below = between - 1, between + 1  # at the edges the one that exists stands for both
            above, below = np.where(above < 0, below, above), np.where(below > lines[-1], above, below)
            woven[between] = (image[above] + image[below]) / 2
            return woven
        woven[between] = moved(image, self.motion)[between]
        return _blended(woven) if self.removal == "blend" else woven


def _blended(image: Image) -> Image:
    lines = np.array([1, 2, 1], dtype=np.float32) / 4
    one = np.ones(1, dtype=np.float32)
    return np.asarray(cv2.sepFilter2D(image, -1, one, lines, borderType=cv2.BORDER_REPLICATE), dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Interlace(StepChoice):
    """Two fields of a picture that moves, of which a program makes one frame."""

    motion: Speeds  # pixels from field to field, in any direction
    top_first_prob: Fraction = 0.5
    removals: Mapping[Removal, float] = field(default_factory=lambda: dict.fromkeys(REMOVALS, 1.0))  # odds

    def __post_init__(self) -> None:
        super().__post_init__()
        settle_odds(self, removals=REMOVALS)

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Interlacing:  # noqa: ARG002
        """A motion, an order of the fields and a removal."""
        top_first = bool(rng.random() < self.top_first_prob)
        return Interlacing(top_first, draw_motion(self.motion, rng), pick(self.removals, rng))
