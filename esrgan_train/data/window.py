"""The part of a photo that a sample is cut from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np

from esrgan_train.data.sources import Decoded
from esrgan_train.degradation.image import Image
from esrgan_train.images.decode import Picture
from esrgan_train.images.scaling import scaled_size

# HR pixels on each side that only feed the filters: the first blur's largest kernel is 21 wide, so it
# reaches 10 pixels; the rest leaves room for what resizing spreads. Steps of a chain may have wider kernels: what
# they read beyond is the window's mirror image, as at a photo's own edge.
FILTER_BORDER = 16

# LR pixels over which the crop's corner is spread. JPEG works on 8×8 blocks, with halved chroma on 16×16:
# a corner that always fell on the same place of that grid would teach the network the grid.
JPEG_PERIOD = 16


class Window(NamedTuple):
    """Sizes of the part that is degraded, of which a crop of ``gt_size`` remains."""

    gt_size: int
    upscale: int

    @property
    def border_lr(self) -> int:
        """LR pixels between the window's edge and the first possible crop."""
        return math.ceil(FILTER_BORDER / self.upscale)

    @property
    def side(self) -> int:
        """Side of the window in HR pixels."""
        return self.gt_size + (2 * self.border_lr + JPEG_PERIOD - 1) * self.upscale

    def draw_corner(self, rng: np.random.Generator) -> tuple[int, int]:
        """Where in the window the crop starts: (y, x) in LR pixels."""
        y, x = self.border_lr + rng.integers(JPEG_PERIOD, size=2)
        return int(y), int(x)

    def crop(self, window: Image, corner: tuple[int, int], upscale: int) -> Image:
        """The crop of a window that has ``upscale`` pixels per LR pixel: 1 for the LR window itself."""
        y, x = (position * upscale for position in corner)
        size = self.gt_size // self.upscale * upscale
        return window[y : y + size, x : x + size]


def choose_scale(
    photo_size: tuple[int, int], side: int, scales: Sequence[float], rng: np.random.Generator
) -> float:
    """One of the scales at which a (height, width) photo still holds a window; 1 if there is none.

    The odds are proportional to the remaining area, as for equal tiles cut from the photo at every scale.
    """
    fitting = [scale for scale in scales if min(scaled_size(photo_size, scale)) >= side]
    if not fitting:
        return 1.0
    weights = np.square(fitting)
    return float(fitting[rng.choice(len(fitting), p=weights / weights.sum())])


def cut_window(photo: Decoded, side: int, scale: float, rng: np.random.Generator) -> Picture:
    """A random square of the photo at ``scale``, (side, side, 3) of the photo's type; maybe a view of it.

    No more of the photo is read than the window needs. Beyond the photo's edges its reflection continues.
    """
    height, width = scaled_size(photo.size, scale)
    # A photo that is too small lies somewhere in the window instead of the other way round.
    y, x = (int(rng.integers(min(0, free), max(0, free) + 1)) for free in (side - height, side - width))
    rows = slice(max(0, -y), min(height, side - y))
    columns = slice(max(0, -x), min(width, side - x))
    window = photo.part(scale, (rows, columns))
    if window.shape[:2] == (side, side):
        return window
    before = max(0, y), max(0, x)
    padding = [(free, side - free - length) for free, length in zip(before, window.shape[:2], strict=True)]
    return cast(Picture, np.pad(window, (*padding, (0, 0)), mode="reflect"))
