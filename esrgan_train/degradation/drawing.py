"""What happens to one image, as plain numbers: a degradation draws it, and a renderer carries it out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, get_args

from esrgan_train.degradation.image import Image
from esrgan_train.degradation.kernels import Kernel

ResizeMode = Literal["area", "bilinear", "bicubic"]
RESIZE_MODES: tuple[ResizeMode, ...] = get_args(ResizeMode)


@dataclass(frozen=True)
class Blur:
    """Correlation with a kernel, (k, k) float64 of odd k and sum 1."""

    kernel: Kernel


@dataclass(frozen=True)
class Resize:
    """Resizing to rows and columns in one of the modes."""

    height: int
    width: int
    mode: ResizeMode


@dataclass(frozen=True)
class Noise:
    """Gaussian noise of a standard deviation in 8-bit levels, or Poisson noise of a scale."""

    kind: Literal["gaussian", "poisson"]
    strength: float
    gray: bool  # one map for all channels
    key: int  # below 2^63; of the random numbers, which belong to this noise alone


@dataclass(frozen=True)
class Clamp:
    """Clamping to [0,1]."""


@dataclass(frozen=True)
class Jpeg:
    """A JPEG file of libjpeg's quality, and whether its decoder repeats chroma samples or interpolates them."""

    quality: int
    nearest_chroma: bool


class HostStep(ABC):
    """A step that only the CPU renders: a frozen dataclass of what was drawn."""

    def size_after(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) of what ``render`` makes of an image of that size; most steps keep it."""
        return size

    def in_words(self) -> str:
        """What was done, in a few words; nothing: its class and fields are named."""
        return ""

    @abstractmethod
    def render(self, image: Image) -> Image:
        """The step's result, a new array; the same bytes each time.

        Shape:
            (H, W, 3) float32 RGB, nominally in [0,1], maybe a little beyond → (h, w, 3) of the same,
            with h and w from ``size_after``.
        """


Step = Blur | Resize | Noise | Clamp | Jpeg | HostStep


@dataclass(frozen=True)
class Place:
    """One place of all drawings of a degradation: the kind of its step, and bounds by which room is made."""

    kind: type[Step]
    height: int  # the most rows that an image can have after it
    width: int
    kernel: int = 0  # the most pixels a side of a blur's kernel

    def holding(self, height: int, width: int, *, kernel: int = 0) -> Place:
        """The same place with room for an image, and a kernel, of that size, too."""
        return Place(self.kind, max(self.height, height), max(self.width, width), max(self.kernel, kernel))


# In order, one place for each step of a degradation, None where it does not happen this time. So all drawings of
# one degradation have the same kinds of step at the same places.
Drawing = tuple[Step | None, ...]
