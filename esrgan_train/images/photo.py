"""A picture file with all that upscaling keeps: transparency, 16 bits, gray and the colour profile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from esrgan_train.errors import UserError
from esrgan_train.images.decode import as_rgb, holds_several, opened
from esrgan_train.images.encode import write_image
from esrgan_train.images.remarks import remark
from esrgan_train.images.samples import read_samples

_PNG_LEVEL = 1  # of an enlarged photograph: five times quicker than the usual 6, and a sixth larger
_PROFILE_SPACE = slice(16, 20)  # of an ICC profile: the name of its colour space
_OTHER_SPACES = {True: (b"RGB ", b"CMYK"), False: (b"GRAY", b"CMYK")}  # that do not fit gray, and RGB
_REACH = 4.0  # of colours into hidden pixels: sigma, in pixels
_LARGEST_SIDE = {".jpg": 65500, ".webp": 16383}


@dataclass(frozen=True)
class Photo:
    """A decoded picture, upright."""

    rgb: NDArray[Any]  # (H, W, 3) uint8 or uint16
    alpha: NDArray[Any] | None  # (H, W) of the same type
    gray: bool  # whether the file held one colour channel
    profile: bytes | None  # the ICC profile of the colours in ``rgb``
    several: bool  # whether the file holds further pictures (an animation, pages), which are not read


def read_photo(path: Path) -> Photo:
    """Read a picture; colours and errors as in ``decode``.

    A profile for other colours than those in ``rgb`` is dropped, with a remark: that of a CMYK file, or one for
    RGB in a gray file.
    """
    with opened(path) as image:
        profile = _stored_profile(path, image)
        samples = read_samples(path, image)
        gray = samples.shape[2] < 3
        if profile and (stored := profile[_PROFILE_SPACE]) in _OTHER_SPACES[gray]:
            space = stored.decode("ascii").strip()
            remark(f"its colour profile is for {space}, not for {'gray' if gray else 'RGB'}, and is dropped")
            profile = None
        several = holds_several(image)  # last, since Pillow goes to the second and back
    alpha = None if samples.shape[2] in (1, 3) else np.ascontiguousarray(samples[:, :, -1])
    return Photo(as_rgb(samples), alpha, gray, profile or None, several)


def check_format(path: Path, photo: Photo, size: tuple[int, int]) -> None:
    """``UserError`` if the format cannot hold ``photo`` enlarged to ``size`` (width, height), before any work."""
    suffix = path.suffix.lower()
    if max(size) > (limit := _LARGEST_SIDE.get(suffix, max(size))):
        raise UserError(
            f"{path}: {size[0]} × {size[1]} pixels are too many for {suffix}, which holds {limit} a side; "
            "give --format png"
        )
    if photo.alpha is not None and suffix == ".jpg":
        raise UserError(f"{path}: .jpg holds no transparency; give --format png, webp or tiff")
    if photo.rgb.dtype == np.uint16 and suffix not in (".png", ".tiff"):
        raise UserError(f"{path}: {suffix} holds no 16-bit picture; give --format png or tiff")


def write_photo(path: Path, photo: Photo) -> None:
    """Write a picture in the format of the suffix: .png .jpg .webp .tiff. Errors as in ``write_image``."""
    height, width = photo.rgb.shape[:2]
    check_format(path, photo, (width, height))
    samples = photo.rgb
    if photo.gray:
        samples = gray_of(photo.rgb)
    if photo.alpha is not None:
        samples = np.dstack([samples, photo.alpha])
    write_image(path, samples, profile=photo.profile, png_level=_PNG_LEVEL)


def gray_of(rgb: NDArray[Any]) -> NDArray[Any]:
    """The mean of the channels of what a network of RGB made of gray, (H, W) of the same type."""
    mean: NDArray[Any] = np.rint(rgb.mean(axis=2, dtype=np.float32))
    return mean.astype(rgb.dtype)


def fill_hidden(rgb: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Give fully transparent pixels the colour of visible ones nearby, which prevents dark fringes."""
    weight = (alpha > 0).astype(np.float32)
    spread = cv2.GaussianBlur(weight, (0, 0), _REACH)
    colours = cv2.GaussianBlur(rgb.astype(np.float32) * weight[:, :, None], (0, 0), _REACH)
    near = (alpha == 0) & (spread > 1e-4)
    filled = rgb.copy()
    filled[near] = np.rint(colours[near] / spread[near][:, None]).astype(rgb.dtype)
    return filled


def resize_levels(image: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Lanczos to ``size`` (width, height), (H, W, C) of uint8 or uint16, rounded and clamped."""
    planes = [
        np.asarray(Image.fromarray(image[:, :, c].astype(np.float32)).resize(size, Image.Resampling.LANCZOS))
        for c in range(image.shape[2])
    ]
    levels: NDArray[Any] = np.rint(np.clip(np.dstack(planes), 0, np.iinfo(image.dtype).max))
    return levels.astype(image.dtype)


def _stored_profile(path: Path, image: Image.Image) -> bytes | None:
    """The ICC profile in the file; Pillow does not read that of a JPEG 2000."""
    if image.format != "JPEG2000":
        return image.info.get("icc_profile")
    stored = path.read_bytes()
    header = stored[: stored.find(b"\xff\x4f\xff\x51")]
    box = header.find(b"colr\x02") - 4  # length (4), name (4), kind (3), profile
    return header[box + 11 : box + int.from_bytes(header[box : box + 4], "big")] if box >= 0 else None
