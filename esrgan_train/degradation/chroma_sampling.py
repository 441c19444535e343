"""Chroma at half the rows or columns, and back, by where the samples lie among the pixels."""

from __future__ import annotations

from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from esrgan_train.degradation.image import Image

PixelFormat = Literal["yuv420p", "yuv422p", "yuv444p"]  # FFmpeg's names
PIXEL_FORMATS: tuple[PixelFormat, ...] = get_args(PixelFormat)
Siting = Literal["left", "centre", "topleft"]
SITINGS: tuple[Siting, ...] = get_args(Siting)

_HALVED = {"yuv420p": (True, True), "yuv422p": (False, True), "yuv444p": (False, False)}  # rows, columns
_ON_PIXEL = {"left": (False, True), "centre": (False, False), "topleft": (True, True)}


def subsample(chroma: Image, format_: PixelFormat, siting: Siting) -> Image:
    """(H, W, C) of even sides → the rows and columns of the format.

    Where samples lie on every second pixel, they are filtered by [1, 2, 1]/4; between two, by their mean.
    """
    halved = _HALVED[format_]
    rows, columns = (_filter(*axis) for axis in zip(halved, _ON_PIXEL[siting], strict=True))
    filtered = cv2.sepFilter2D(chroma, -1, columns, rows, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(filtered, dtype=np.float32)[:: 1 + halved[0], :: 1 + halved[1]]


def supersample(chroma: Image, format_: PixelFormat, siting: Siting, *, nearest: bool) -> Image:
    """Back to (H, W, C): linearly between the samples where they lie, or each repeated, whatever the siting."""
    for axis, (halved, on_pixel) in enumerate(zip(_HALVED[format_], _ON_PIXEL[siting], strict=True)):
        if halved and nearest:
            chroma = np.repeat(chroma, 2, axis)
        elif halved:
            chroma = np.swapaxes(_double(np.swapaxes(chroma, 0, axis), on_pixel=on_pixel), 0, axis)
    return chroma


def _filter(halved: bool, on_pixel: bool) -> NDArray[np.float32]:
    """Weights of the pixel before, of the pixel and of the one after it."""
    weights = ([1, 2, 1] if on_pixel else [0, 2, 2]) if halved else [0, 4, 0]
    return np.asarray(weights, dtype=np.float32) / np.float32(4)


def _double(samples: Image, *, on_pixel: bool) -> Image:
    after = np.concatenate([samples[1:], samples[-1:]])
    rows = np.empty((2 * len(samples), *samples.shape[1:]), dtype=np.float32)
    if on_pixel:
        rows[::2] = samples
        rows[1::2] = (samples + after) / 2
    else:
        before = np.concatenate([samples[:1], samples[:-1]])
        rows[::2] = (3 * samples + before) / 4
        rows[1::2] = (3 * samples + after) / 4
    return rows
