"""16-bit PNG and TIFF, which Pillow would silently reduce to 8 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    SAMPLEFORMAT,
    TiffImageFile,
)

_PNG_BIT_DEPTH_BYTE = 24  # after the signature (8), the chunk's length and type (8), width and height (8)
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2
_UNSIGNED = 1
_INTERLEAVED = 1


def is_16_bit(image: Image.Image) -> bool:
    """Whether an opened, not yet loaded PNG or TIFF stores 16-bit unsigned samples.

    Raises:
        ValueError: a TIFF with other samples than unsigned integers of up to 8 or of 16 bits.
    """
    if isinstance(image, TiffImageFile):
        bits = set(_values(image, BITSPERSAMPLE, default=1))
        if set(_values(image, SAMPLEFORMAT, default=_UNSIGNED)) != {_UNSIGNED} or not bits <= {
            1,
            2,
            4,
            8,
            16,
        }:
            raise ValueError("its samples are not unsigned integers of 8 or 16 bits; convert it first")
        return 16 in bits
    if isinstance(image, PngImageFile):
        assert image.fp is not None
        position = image.fp.tell()
        image.fp.seek(_PNG_BIT_DEPTH_BYTE)
        depth = image.fp.read(1)
        image.fp.seek(position)
        return bool(depth == b"\x10")
    return False


def decode_16_bit(path: Path, image: Image.Image) -> NDArray[np.uint16]:
    """Read ``path`` with OpenCV; ``image`` is the same file, opened by Pillow. (H, W, 3) RGB uint16.

    Raises:
        ValueError: the file holds neither gray nor interleaved RGB, or OpenCV cannot read it.
    """
    photometric, orientation = _RGB, 1
    if isinstance(image, TiffImageFile):  # OpenCV turns these by itself, whatever it is asked
        photometric = _values(image, PHOTOMETRIC_INTERPRETATION, default=_BLACK_IS_ZERO)[0]
        if photometric not in (_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB):
            raise ValueError("its 16-bit colours are neither gray nor RGB; convert it first")
        if _values(image, PLANAR_CONFIGURATION, default=_INTERLEAVED)[0] != _INTERLEAVED:
            # OpenCV 5 returns such a file scrambled, without a word.
            raise ValueError("its 16-bit channels are stored one after the other; save it interleaved")
    else:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    image.load()  # raises if the file is truncated, of which OpenCV makes a picture that is partly black
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    stored: Any = cv2.imdecode(np.fromfile(path, dtype=np.uint8), flags)
    if stored is None or stored.dtype != np.uint16:
        raise ValueError("OpenCV cannot read its 16-bit samples; save it anew")
    if photometric == _WHITE_IS_ZERO:
        stored = np.iinfo(np.uint16).max - stored  # OpenCV leaves that to its caller
    if stored.ndim == 2:
        stored = np.repeat(stored[:, :, None], 3, axis=2)
    return np.ascontiguousarray(orient(stored[:, :, 2::-1], orientation))


def orient(image: NDArray[np.uint16], orientation: int) -> NDArray[np.uint16]:
    """Turn and mirror a stored (H, W, C) picture as EXIF's Orientation (1 to 8) says it is to be seen."""
    if orientation in (5, 6, 7, 8):
        image = image.transpose(1, 0, 2)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return image


def _values(image: TiffImageFile, tag: int, *, default: int) -> tuple[int, ...]:
    value = image.tag_v2.get(tag, default)
    return tuple(value) if isinstance(value, tuple) else (int(value),)
