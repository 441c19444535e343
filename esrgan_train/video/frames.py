"""Numbered pictures and animations as shots, through Pillow and the reader of photographs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from esrgan_train.errors import UserError
from esrgan_train.images.photo import Photo, read_photo
from esrgan_train.video.shot import Shot

ANIMATIONS = frozenset({".gif", ".apng", ".webp"})
_DEFAULT_MS = 100  # of a frame that states no duration, as browsers show it


def numbered(photos: Sequence[Path], rate: Fraction) -> Iterator[Shot]:
    """Pictures of one size, each shown for 1/``rate`` seconds.

    Raises:
        UserError: one differs in size from the first.
    """
    size = None
    for number, path in enumerate(photos):
        photo = read_photo(path)
        size = size or photo.rgb.shape
        if photo.rgb.shape != size:
            found, first = (f"{shape[1]} × {shape[0]}" for shape in (photo.rgb.shape, size))
            raise UserError(f"{path} has {found} pixels, and {photos[0]} {first}: a clip has one size")
        yield Shot(photo, number / rate, 1 / rate)


def is_animation(path: Path) -> bool:
    """Whether a file is a GIF, APNG or WebP of several pictures."""
    if path.suffix.lower() not in (*ANIMATIONS, ".png") or not path.is_file():
        return False
    try:
        with Image.open(path) as image:
            return getattr(image, "n_frames", 1) > 1
    except OSError:
        return False  # the reader of photographs says why


def count_of(path: Path) -> int:
    """How many pictures an animation has."""
    with Image.open(path) as image:
        return int(getattr(image, "n_frames", 1))


def animated(path: Path) -> Iterator[Shot]:
    """The pictures of an animation, each whole, with their transparency and times."""
    start = Fraction(0)
    with Image.open(path) as image:
        for frame in ImageSequence.Iterator(image):
            rgba = np.array(frame.convert("RGBA"))
            milliseconds = frame.info.get("duration") or _DEFAULT_MS  # Pillow knows it once the picture is decoded
            seconds = Fraction(round(milliseconds * 1000), 1_000_000)
            alpha = np.ascontiguousarray(rgba[:, :, 3])
            whole = None if (alpha == 255).all() else alpha
            yield Shot(Photo(np.ascontiguousarray(rgba[:, :, :3]), whole, False, None, False), start, seconds)
            start += seconds
