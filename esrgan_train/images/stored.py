"""Samples as a file stores them, made uniform: turned upright, in channels, widened to 16 bits."""

from __future__ import annotations

from abc import abstractmethod
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile

SIDEWAYS = (5, 6, 7, 8)  # orientations that swap height and width


class SampledPicture(ImageFile.ImageFile):
    """A plugin of Pillow for a format whose pixels Pillow cannot hold; its header works as everywhere."""

    bits = 8  # of a sample, 8 or 16

    def turn(self, orientation: int) -> None:
        """Make ``getexif`` report the stored picture's orientation; ``samples`` has applied it already."""
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        self.info["exif"] = exif.tobytes()

    @abstractmethod
    def samples(self) -> NDArray[Any]:
        """(H, W, C) uint8 or uint16, upright; C is 1 for gray, 2 with alpha, 3 for RGB, 4 with alpha."""


def orientation(image: Image.Image) -> int:
    """EXIF's Orientation, from 1 (upright) to 8; 1 for any other value."""
    stored = image.getexif().get(ExifTags.Base.Orientation, 1)
    return stored if stored in range(1, 9) else 1


def stored_bits(image: Image.Image) -> int:
    """8 or 16 bits of a sample, by the header of a PNG, TIFF or JPEG XL file not yet loaded; 8 of another kind."""
    if isinstance(image, SampledPicture):
        return image.bits
    tiles = getattr(image, "tile", None) if image.format == "PNG" else None
    return 16 if tiles and ";16" in str(tiles[0][3]) else 8


def orient(image: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn and mirror a stored (H, W, C) picture upright."""
    if orientation in SIDEWAYS:
        image = image.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return image


def with_channels(stored: NDArray[Any]) -> NDArray[Any]:
    """(H, W) as (H, W, 1); (H, W, 1 to 4) as it is.

    Raises:
        ValueError: another shape, or samples that are not uint8 or uint16.
    """
    if stored.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"its samples are {stored.dtype}; save it with 8 or 16 bits")
    if stored.ndim == 2:
        stored = stored[:, :, None]
    if stored.ndim != 3 or stored.shape[2] not in (1, 2, 3, 4):
        raise ValueError(f"its samples are of shape {stored.shape}; save it as gray or RGB")
    return stored


def widen(levels: NDArray[Any], white: int) -> NDArray[np.uint16]:
    """Levels from 0 to ``white`` as levels from 0 to 65,535, rounded to the nearest."""
    levels = np.clip(levels, 0, white)
    return levels.astype(np.uint16) if white == 65535 else _widened(white)[levels]


@cache
def _widened(white: int) -> NDArray[np.uint16]:
    return np.asarray(np.rint(np.arange(white + 1) * (65535 / white)), dtype=np.uint16)
