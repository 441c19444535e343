"""From a picture file to an RGB array."""

from __future__ import annotations

import stat
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from esrgan_train.errors import UserError
from esrgan_train.images.depth16 import decode_16_bit, is_16_bit
from esrgan_train.images.plain import decode_plain

Picture = NDArray[np.uint8] | NDArray[np.uint16]

_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
_READABLE_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})

# What Pillow and OpenCV raise on damaged files.
_DAMAGE = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
    cv2.error,
)


class UnreadableImageError(UserError):
    """A picture file that cannot be read; the message names the file and the reason in one line."""


def decode(path: str | Path) -> Picture:
    """Read a PNG, JPEG, WebP, TIFF or BMP file as (H, W, 3) RGB, uint8 or, from 16-bit files, uint16.

    Gray, palette and CMYK become RGB. Alpha and transparency are dropped: the colours beneath are shown as
    they are stored. The EXIF orientation is applied; colour profiles are not. Of an animation or a file of
    several pages, the first picture is read. Floating-point and 32-bit samples are refused, since nothing
    says which value is white.

    Raises:
        UnreadableImageError: the file is missing, truncated, damaged, of another kind, or of more than
            ``PIL.Image.MAX_IMAGE_PIXELS`` pixels.
    """
    with _opened(path) as image:
        if is_16_bit(image):
            return decode_16_bit(Path(path), image)
        if image.mode not in _READABLE_MODES:
            raise ValueError(f"its samples ({image.mode}) are not 8 or 16 bits of gray, RGB or CMYK")
        fast = decode_plain(path, image)
        if fast is not None:
            return fast
        return np.array(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.uint8)


def read_size(path: str | Path) -> tuple[int, int]:
    """(width, height) as stored, before EXIF orientation, from the header alone.

    Raises:
        UnreadableImageError: the header cannot be read.
    """
    with _opened(path) as image:
        return image.size


def to_float(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return uint8/255 or uint16/65535 as float32 in [0,1], of the same shape.

    Raises:
        ValueError: another number type.
    """
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"image is {image.dtype}; pass uint8 or uint16")
    values: NDArray[np.float32] = np.divide(image, np.float32(np.iinfo(image.dtype).max), dtype=np.float32)
    return values


@contextmanager
def _opened(path: str | Path) -> Iterator[Image.Image]:
    """The opened file; whatever goes wrong while it is open becomes an ``UnreadableImageError``."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # opening a pipe would wait for ever
            raise OSError("it is no file but a directory, a pipe or a device")
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)  # a refusal, not a remark
            with Image.open(path, formats=_FORMATS) as image:
                yield image
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        limit = f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels"
        raise UnreadableImageError(f"{path} cannot be read: {limit}; cut it into smaller ones") from None
    except _DAMAGE as error:
        raise UnreadableImageError(f"{path} cannot be read: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    if isinstance(error, UnidentifiedImageError):
        return "it is not a PNG, JPEG, WebP, TIFF or BMP file, or its header is damaged"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
