"""The part of a photo that a sample is cut from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image as Pillow

from esrgan_train.degradation.image import Image
from esrgan_train.images.decode import Picture, to_float

# HR pixels on each side that only feed the filters: the first blur's largest kernel is 21 wide, so it
# reaches 10 pixels; the rest leaves room for what resizing spreads.
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
    fitting = [scale for scale in scales if min(_scaled(photo_size, scale)) >= side]
    if not fitting:
        return 1.0
    weights = np.square(fitting)
    return float(fitting[rng.choice(len(fitting), p=weights / weights.sum())])


def cut_window(photo: Picture, side: int, scale: float, rng: np.random.Generator) -> Image:
    """A random square of the photo resized by ``scale``, (side, side, 3) in [0,1].

    Only the region needed is resized, with Lanczos. Beyond the photo's edges its reflection continues.
    """
    height, width = size = _scaled(photo.shape[:2], scale)
    # A photo that is too small lies somewhere in the window instead of the other way round.
    y, x = (int(rng.integers(min(0, free), max(0, free) + 1)) for free in (side - height, side - width))
    top, left = max(0, -y), max(0, -x)
    window = _resized_region(photo, size, (top, left, min(height, top + side), min(width, left + side)))
    if window.shape[:2] == (side, side):
        return window
    before = max(0, y), max(0, x)
    padding = [(free, side - free - length) for free, length in zip(before, window.shape[:2], strict=True)]
    return np.pad(window, (*padding, (0, 0)), mode="reflect")


def _scaled(size: Sequence[int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _resized_region(photo: Picture, size: tuple[int, int], region: tuple[int, int, int, int]) -> Image:
    """The part (top, left, bottom, right) of the photo resized to (height, width), in [0,1]."""
    top, left, bottom, right = region
    if size == photo.shape[:2]:
        return to_float(photo[top:bottom, left:right])
    per_y, per_x = photo.shape[0] / size[0], photo.shape[1] / size[1]
    box = (left * per_x, top * per_y, right * per_x, bottom * per_y)
    shape, lanczos = (right - left, bottom - top), Pillow.Resampling.LANCZOS
    if photo.dtype == np.uint8:  # stays on the 8-bit grid, like files of resized photos
        return to_float(np.asarray(Pillow.fromarray(photo).resize(shape, lanczos, box=box), dtype=np.uint8))
    channels = [Pillow.fromarray(to_float(photo[:, :, c])).resize(shape, lanczos, box=box) for c in range(3)]
    window: Image = np.stack([np.asarray(channel) for channel in channels], axis=2)
    return window.clip(0.0, 1.0)
