"""From a picture file to an RGB array."""

from __future__ import annotations

import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from esrgan_train.errors import UserError
from esrgan_train.images.formats import formats_of, why_unidentified
from esrgan_train.images.remarks import remarks_on
from esrgan_train.images.samples import read_samples
from esrgan_train.images.stored import SIDEWAYS, orientation, stored_bits

Picture = NDArray[np.uint8] | NDArray[np.uint16]


class UnreadableImageError(UserError):
    """A picture file that cannot be read; the message names the file and the reason in one line."""


class Header(NamedTuple):
    """What is known before decoding."""

    size: tuple[int, int]  # (width, height) as stored, before EXIF orientation
    several: bool  # whether the file holds further pictures: an animation, pages
    bits: int = 8  # of a sample once decoded, 8 or 16; AVIF, HEIC, JPEG 2000 and PPM of 16 bits count as 8 here


def decode(path: str | Path) -> Picture:
    """Read a picture file as (H, W, 3) RGB, uint8, or uint16 where it holds more than 8 bits.

    ``formats`` lists the kinds of files. Gray, palette and CMYK become RGB. Alpha is dropped: the colours beneath
    are as stored. The orientation is applied; colour profiles are not. Of an animation or several pages, the
    first picture is read. Floating-point and 32-bit samples are refused, since nothing says which value is white.

    Raises:
        UnreadableImageError: the file is missing, truncated, damaged, of another kind, or of more than
            ``PIL.Image.MAX_IMAGE_PIXELS`` pixels.
    """
    with opened(path) as image:
        return as_rgb(read_samples(path, image))


def as_rgb(samples: NDArray[Any]) -> Picture:
    """The colours of ``read_samples``, (H, W, 1 to 4), as (H, W, 3) without alpha; gray is repeated."""
    if samples.shape[2] < 3:
        return np.repeat(samples[:, :, :1], 3, axis=2)
    return np.require(samples[:, :, :3], requirements=["C_CONTIGUOUS", "WRITEABLE"])


def read_header(path: str | Path) -> Header:
    """Size and whether there are further pictures; ``UnreadableImageError`` if that cannot be read."""
    with opened(path) as image:
        return Header(image.size, holds_several(image), stored_bits(image))


def read_upright_size(path: str | Path) -> tuple[int, int]:
    """(width, height) of the upright picture; slower, since the orientation may be anywhere in the file."""
    with opened(path) as image:
        width, height = image.size
        return (height, width) if orientation(image) in SIDEWAYS else (width, height)


def holds_several(image: Image.Image) -> bool:
    """Whether the file holds further pictures; the previews that cameras append to a JPEG do not count."""
    if image.format == "MPO":
        return False
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # noqa: BLE001  # of a damaged second one, of any kind
        return True


def to_float(image: NDArray[Any]) -> NDArray[np.float32]:
    """Return uint8/255 or uint16/65535 as float32 in [0,1], of the same shape."""
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"image is {image.dtype}; pass uint8 or uint16")
    values: NDArray[np.float32] = np.divide(image, np.float32(np.iinfo(image.dtype).max), dtype=np.float32)
    return values


@contextmanager
def opened(path: str | Path) -> Iterator[Image.Image]:
    """The opened file, not yet loaded; libraries' warnings become remarks, all errors ``UnreadableImageError``."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # opening a pipe would hang
            raise OSError("it is not a file but a directory, a pipe or a device")
        with remarks_on(path):
            warnings.simplefilter("error", Image.DecompressionBombWarning)  # a refusal, not a remark
            with Image.open(path, formats=formats_of(path)) as image:
                yield image
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        limit = f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels"
        raise UnreadableImageError(f"{path} cannot be read: {limit}; cut it into smaller ones") from None
    except UnidentifiedImageError as error:
        raise UnreadableImageError(f"{path} cannot be read: {why_unidentified(path)}") from error
    except Exception as error:  # the file may be damaged in any way
        raise UnreadableImageError(f"{path} cannot be read: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
