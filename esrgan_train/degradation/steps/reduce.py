"""The reduction to LR's size, by one of the filters that programs use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import numpy as np
from annotated_types import MinLen
from PIL import Image as PillowImage

from esrgan_train.degradation.chain import Canvas, StepChoice
from esrgan_train.degradation.drawing import HostStep, Place, Resize
from esrgan_train.degradation.image import Image

Filter = Literal["area", "bilinear", "bicubic", "lanczos", "nearest"]
FILTERS: tuple[Filter, ...] = get_args(Filter)
_PILLOW = {
    "area": PillowImage.Resampling.BOX,
    "bilinear": PillowImage.Resampling.BILINEAR,
    "bicubic": PillowImage.Resampling.BICUBIC,
    "lanczos": PillowImage.Resampling.LANCZOS,
    "nearest": PillowImage.Resampling.NEAREST,
}


@dataclass(frozen=True)
class Reduction(HostStep):
    """Resizing to rows and columns by a filter that widens with the factor, as Pillow's does."""

    height: int
    width: int
    filter: Filter

    def size_after(self, size: tuple[int, int]) -> tuple[int, int]:  # noqa: ARG002
        """The rows and columns."""
        return self.height, self.width

    def render(self, image: Image) -> Image:
        """Resize; not clamped, since some filters overshoot."""
        resample = _PILLOW[self.filter]
        channels = [PillowImage.fromarray(image[..., channel]) for channel in range(3)]
        return np.stack([np.asarray(one.resize((self.width, self.height), resample)) for one in channels], -1)


@dataclass(frozen=True, kw_only=True)
class Reduce(StepChoice):
    """To LR's size, by a filter drawn from some, equally likely."""

    filters: Annotated[tuple[Filter, ...], MinLen(1)] = FILTERS

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> Reduction | Resize:
        """One of the filters."""
        if self._is_area:
            return Resize(*canvas.low, "area")
        return Reduction(*canvas.low, self.filters[int(rng.integers(len(self.filters)))])

    def place(self, most: Canvas) -> Place | None:
        """``area`` alone; the other filters on the CPU alone."""
        return Place(Resize, *most.low) if self._is_area else None

    @property
    def _is_area(self) -> bool:
        return set(self.filters) == {"area"}
