"""Which sizes an image is resized to on the way, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le, MinLen

from esrgan_train.bounds import NonNegative
from esrgan_train.degradation.drawing import RESIZE_MODES, Resize, ResizeMode
from esrgan_train.degradation.kernel_choice import draw_index
from esrgan_train.degradation.ranges import Range, check_odds, settle


@dataclass(frozen=True, kw_only=True)
class ResizeChoice:
    """Enlarging, reducing or keeping the size, by factors from two ranges."""

    up_odds: NonNegative  # relative weights of enlarging, reducing and keeping the size
    down_odds: NonNegative
    keep_odds: NonNegative
    up_range: Range[Annotated[float, Ge(1), Le(16)]]  # factors
    down_range: Range[Annotated[float, Ge(0.01), Le(1)]]
    resize_modes: Annotated[tuple[ResizeMode, ...], MinLen(1)] = RESIZE_MODES  # equally likely

    def __post_init__(self) -> None:
        settle(self)
        check_odds(up_odds=self.up_odds, down_odds=self.down_odds, keep_odds=self.keep_odds)

    def draw_resize(self, full: tuple[float, float], rng: np.random.Generator) -> Resize:
        """Resize to ⌊full · s⌋ rows and columns (at least one pixel), s being the factor drawn."""
        choice = draw_index(rng, [self.up_odds, self.down_odds, self.keep_odds])
        factor = rng.uniform(*(self.up_range, self.down_range, (1.0, 1.0))[choice])
        height, width = (max(1, int(side * factor)) for side in full)
        return Resize(height, width, self.draw_mode(rng))

    def draw_mode(self, rng: np.random.Generator) -> ResizeMode:
        """One of the modes."""
        return self.resize_modes[int(rng.integers(len(self.resize_modes)))]

    def largest(self, full: tuple[int, int]) -> tuple[int, int]:
        """The most rows and columns that ``draw_resize`` draws."""
        ranges = (self.up_odds, self.up_range), (self.down_odds, self.down_range), (self.keep_odds, (1.0, 1.0))
        factor = max(high for odds, (_, high) in ranges if odds)
        return max(1, int(full[0] * factor)), max(1, int(full[1] * factor))
