"""A photo enlarged with its transparency and colour profile."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from esrgan_train.images.photo import Photo, fill_hidden, resize_levels
from esrgan_train.inference.upscaler import Upscaler


def final_size(width: int, height: int, scale: float) -> tuple[int, int]:
    """(width, height) of an enlargement, rounded, of at least one pixel."""
    return max(1, round(width * scale)), max(1, round(height * scale))


def enlarge(upscaler: Upscaler, photo: Photo) -> Photo:
    """Upscale colours and, as a gray picture, transparency."""
    rgb, alpha = photo.rgb, None
    if photo.alpha is not None:
        rgb = fill_hidden(rgb, photo.alpha)
        if (photo.alpha == photo.alpha.flat[0]).all():  # a network would tint a plain one
            alpha = photo.alpha.repeat(upscaler.scale, 0).repeat(upscaler.scale, 1)
        else:
            alpha = upscaler(np.repeat(photo.alpha[:, :, None], 3, axis=2))[:, :, 1]
    return Photo(upscaler(rgb), alpha, photo.gray, photo.profile, several=False)


def resize(photo: Photo, size: tuple[int, int]) -> Photo:
    """Lanczos to ``size`` (width, height), of colours and transparency."""
    alpha = None if photo.alpha is None else resize_levels(photo.alpha[:, :, None], size)[:, :, 0]
    return replace(photo, rgb=resize_levels(photo.rgb, size), alpha=alpha)


def compare(upscaler: Upscaler, photo: Photo) -> str:
    """How far the tiled result is from that of the whole picture, in words."""
    difference = np.abs(upscaler(photo.rgb).astype(np.int64) - upscaler(photo.rgb, tile=0))
    return (
        f"tiles of {upscaler.tile} against the whole: {np.count_nonzero(difference)} of {difference.size} "
        f"values differ, at most by {difference.max()} of {np.iinfo(photo.rgb.dtype).max} levels"
    )
