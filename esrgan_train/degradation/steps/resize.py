"""Resizing on the way, as pictures go through programs that do not ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import Place, Resize
from esrgan_train.degradation.resize_choice import ResizeChoice


@dataclass(frozen=True, kw_only=True)
class ResizeImage(ResizeChoice, StepChoice):
    """Resizing without anti-aliasing, or by area, as the published degradation does it."""

    of: Literal["image", "lr"] = "image"  # whose size the factors multiply: the image's as it is then, or LR's

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Resize:
        """One size and mode."""
        return self.draw_resize(self._full(canvas), rng)

    def place(self, most: Canvas) -> Place:
        """With room for the largest factor."""
        return Place(Resize, *self.largest(self._full(most)))

    def _full(self, canvas: Canvas) -> tuple[int, int]:
        return canvas.now if self.of == "image" else canvas.low
