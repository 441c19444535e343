"""Cutters: which part of a decoded photo a sample is made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import cv2
import numpy as np

from esrgan_train.data.options import StreamOptions
from esrgan_train.data.sources import Decoded
from esrgan_train.data.window import Window, choose_scale, cut_window
from esrgan_train.images.crop import middle, reduced
from esrgan_train.images.decode import Picture

_FLIP_PROBABILITY = 0.5


class Cut(NamedTuple):
    """A part of a photo, of its type and maybe a view of it, and the same part of its LR side if there is one."""

    hr: Picture
    lr: Picture | None = None
    corner: tuple[int, int] = (0, 0)  # (y, x) in LR pixels, where the sample's crop starts in it
    scale: float = 1.0  # at which the photo is used


class PhotoCutter:
    """Cuts a window at one of the scales and flips it. Wider than the crop: the degradation needs a margin."""

    def __init__(self, window: Window, scales: Sequence[float]) -> None:
        self.window = window
        self.scales = scales
        self.needed_side = window.side  # HR pixels; smaller photos are continued by their reflection

    def cut(self, photo: Decoded, rng: np.random.Generator) -> Cut:
        """A window, and where in it the crop starts."""
        scale = choose_scale(photo.size, self.window.side, self.scales, rng)
        hr = cut_window(photo, self.window.side, scale, rng)
        if rng.random() < _FLIP_PROBABILITY:
            hr = cast(Picture, cv2.flip(hr, 1))  # a twentieth of the time of copying a view
        # Drawn before degrading, so that HR is the same whatever the degradation is and draws.
        return Cut(hr, corner=self.window.draw_corner(rng), scale=scale)


class PairCutter:
    """Cuts whole LR pixels and what belongs to them in HR, and flips both alike."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.needed_side = window.gt_size  # nothing is filtered

    def cut(self, photo: Decoded, rng: np.random.Generator) -> Cut:
        """The crops of both sides."""
        assert photo.lr is not None
        (gt_size, upscale), side = self.window, self.window.gt_size // self.window.upscale
        starts = [int(rng.integers(max(length - side, 0) + 1)) for length in photo.lr.shape[:2]]
        rows, columns = (slice(start * upscale, start * upscale + gt_size) for start in starts)
        lr = reflected(photo.lr[reduced(rows, upscale), reduced(columns, upscale)], side)
        hr = reflected(photo.hr[rows, columns], gt_size)
        if rng.random() < _FLIP_PROBABILITY:
            lr, hr = lr[:, ::-1], hr[:, ::-1]
        return Cut(hr, lr)


class Cutter:
    """Cuts each photo as its kind asks: one that brings LR is a pair."""

    def __init__(self, options: StreamOptions) -> None:
        window = Window(options.gt_size, options.upscale)
        self._photos = PhotoCutter(window, options.scales)
        self._pairs = PairCutter(window)

    def needed_side(self, *, paired: bool) -> int:
        """HR pixels a side that a pair or a photo must have to be cut without being continued."""
        return self._pairs.needed_side if paired else self._photos.needed_side

    def cut(self, photo: Decoded, rng: np.random.Generator) -> Cut:
        """The part that a sample is made from."""
        return (self._photos if photo.lr is None else self._pairs).cut(photo, rng)


def cut_middle(photo: Decoded, *, most: int | None, upscale: int) -> Cut:
    """The middle of a held-out photo: at most ``most`` HR pixels a side, in whole LR pixels."""
    rows, columns = (middle(side, most=most, step=upscale) for side in photo.size)
    lr = None if photo.lr is None else photo.lr[reduced(rows, upscale), reduced(columns, upscale)]
    return Cut(photo.hr[rows, columns], lr)


def reflected(image: Picture, least: int) -> Picture:
    """The image, continued at the right and the bottom until no side is below ``least``.

    Edge pixels are repeated: mirrored so, LR and HR stay one above the other.
    """
    if min(image.shape[:2]) >= least:
        return image
    padding = [(0, max(0, least - length)) for length in image.shape[:2]]
    return cast(Picture, np.pad(image, (*padding, (0, 0)), mode="symmetric"))
