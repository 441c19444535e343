"""Photographs that ship inside scikit-image, and what tells two sets of degraded images apart."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from esrgan_train.degradation import usm_sharpen

Image = NDArray[np.float32]


@lru_cache
def photographs() -> tuple[Image, ...]:
    """Five photographs of at least 400 × 400 pixels, float32 RGB in [0,1]."""
    names = ("astronaut", "coffee", "rocket", "immunohistochemistry")
    photos = [getattr(skimage.data, name)() for name in names] + [skimage.data.stereo_motorcycle()[0]]
    return tuple(photo.astype(np.float32) / 255 for photo in photos)


def crop(index: int, size: int) -> Image:
    """The `index`-th of an endless list of sharpened (size, size) windows, each photograph in turn."""
    rng = np.random.default_rng([index, size])
    photo = photographs()[index % len(photographs())]
    top, left = (int(rng.integers(side - size + 1)) for side in photo.shape[:2])
    return usm_sharpen(np.ascontiguousarray(photo[top : top + size, left : left + size]))


def measure(lr: Image, hr: Image) -> dict[str, float]:
    """One number for each visible property of a degraded image."""
    height, width = hr.shape[:2]
    enlarged = np.clip(cv2.resize(lr, (width, height), interpolation=cv2.INTER_CUBIC), 0, 1)
    colours = cv2.cvtColor(lr, cv2.COLOR_RGB2YCrCb)
    luma, chroma = colours[..., 0], colours[..., 1:]
    shift = lr.mean((0, 1)) - hr.mean((0, 1))
    return {
        "psnr": float(-10 * np.log10(np.square(enlarged - hr).mean())),
        "sharpness": float(cv2.Laplacian(luma, cv2.CV_32F).var()),
        "brightness_shift": float(shift.mean()),
        "colour_shift": float(np.linalg.norm(shift - shift.mean())),
        "luma_noise": float((luma - cv2.medianBlur(luma, 3)).std()),
        "chroma_noise": float((chroma - cv2.GaussianBlur(chroma, (5, 5), 1)).std()),
        "blockiness": (blockiness(luma) + blockiness(luma.T)) / 2,
    }


def blockiness(luma: Image) -> float:
    """Energy of the steps across the lines of the 8-pixel grid over that of all other steps."""
    steps = np.square(np.diff(luma, axis=1)).mean(0)
    on_grid = np.arange(1, luma.shape[1]) % 8 == 0
    return float(steps[on_grid].mean() / steps[~on_grid].mean())
