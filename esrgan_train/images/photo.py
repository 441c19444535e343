"""A picture file with all that upscaling keeps: transparency, 16 bits, gray and the colour profile."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from esrgan_train.errors import UserError
from esrgan_train.files import replacing
from esrgan_train.images.decode import DAMAGE, decode, opened
from esrgan_train.images.depth16 import orient

_PNG_LEVEL = 1  # of an enlarged photograph: five times quicker than the usual 6, and a sixth larger
_OPTIONS: dict[str, dict[str, Any]] = {
    ".png": {"compress_level": _PNG_LEVEL},
    ".jpg": {"quality": 95, "subsampling": 0},
    ".webp": {"quality": 95},
    ".tiff": {"compression": "tiff_deflate"},
}
_LARGEST_SIDE = {".jpg": 65500, ".webp": 16383}
_IHDR_END = 33  # signature (8) and the first chunk (25)


@dataclass(frozen=True)
class Photo:
    """A decoded picture, upright.

    Attributes:
        rgb: (H, W, 3) uint8 or uint16.
        alpha: (H, W) of the same type, or None.
        gray: whether the file held one colour channel.
        profile: the ICC profile of the colours in ``rgb``, or None.
        several: whether the file holds further pictures (an animation, pages), which are not read.
    """

    rgb: NDArray[Any]
    alpha: NDArray[Any] | None
    gray: bool
    profile: bytes | None
    several: bool


def read_photo(path: Path) -> Photo:
    """Read a picture; colours as ``decode`` gives them.

    The profile of a CMYK file is dropped, since it does not describe the RGB made from it.

    Raises:
        UnreadableImageError: as ``decode``.
    """
    rgb = decode(path)
    with opened(path) as image:
        gray = image.mode in ("1", "L", "LA") or image.mode.startswith("I")
        profile = None if image.mode == "CMYK" else image.info.get("icc_profile")
        see_through = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
        alpha: NDArray[Any] | None = None
        if rgb.dtype == np.uint8:
            if see_through:
                alpha = np.array(ImageOps.exif_transpose(image).convert("RGBA"))[:, :, 3]
        else:
            flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
            stored: Any = cv2.imdecode(np.fromfile(path, np.uint8), flags)
            if stored.ndim == 3 and stored.shape[2] == 4:
                turn = image.getexif().get(ExifTags.Base.Orientation, 1) if image.format == "PNG" else 1
                alpha = np.ascontiguousarray(orient(stored[:, :, 3:], turn)[:, :, 0])
        several = _holds_several(image)
    return Photo(rgb, alpha, gray, profile, several)


def check_format(path: Path, photo: Photo, size: tuple[int, int]) -> None:
    """Make sure, before any work, that the format of the path's suffix can hold an enlargement of ``photo``.

    Args:
        path: where it is to be written.
        photo: what is enlarged.
        size: (width, height) of the enlargement.

    Raises:
        UserError: it cannot hold the size, the transparency, the 16 bits, or these with the profile.
    """
    suffix = path.suffix.lower()
    if max(size) > (limit := _LARGEST_SIDE.get(suffix, max(size))):
        raise UserError(
            f"{path}: {size[0]} × {size[1]} pixels are too many for {suffix}, which holds {limit} a side; "
            "give --format png"
        )
    deep = photo.rgb.dtype == np.uint16
    if photo.alpha is not None and suffix == ".jpg":
        raise UserError(f"{path}: .jpg holds no transparency; give --format png, webp or tiff")
    if deep and suffix not in (".png", ".tiff"):
        raise UserError(f"{path}: {suffix} holds no 16-bit picture; give --format png or tiff")
    if deep and photo.profile and suffix == ".tiff":
        raise UserError(f"{path}: a 16-bit .tiff with a colour profile cannot be written; give --format png")


def write_photo(path: Path, photo: Photo) -> None:
    """Write a picture in the format of the suffix: .png .jpg .webp .tiff; beside its place, then renamed.

    Raises:
        UserError: as ``check_format``, or the library refuses the picture.
    """
    height, width = photo.rgb.shape[:2]
    check_format(path, photo, (width, height))
    suffix = path.suffix.lower()
    colours = photo.rgb
    if photo.gray:
        levels: NDArray[Any] = np.rint(photo.rgb.mean(axis=2, dtype=np.float32))
        colours = levels.astype(photo.rgb.dtype)
    with replacing(path) as partial:
        if photo.rgb.dtype == np.uint16:
            partial.write_bytes(_deep(suffix, photo, colours))
            return
        if photo.alpha is not None:
            colours = np.dstack([colours, photo.alpha])
        try:
            options = {**_OPTIONS[suffix], **({"icc_profile": photo.profile} if photo.profile else {})}
            Image.fromarray(colours).save(partial, **options)
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path} cannot be written: {' '.join(str(error).split())}; try --format png"
            ) from error


def fill_hidden(rgb: NDArray[Any], alpha: NDArray[Any], reach: float = 4.0) -> NDArray[Any]:
    """Give fully transparent pixels the colour of visible ones nearby, so that none bleeds in as a dark fringe."""
    weight = (alpha > 0).astype(np.float32)
    spread = cv2.GaussianBlur(weight, (0, 0), reach)
    colours = cv2.GaussianBlur(rgb.astype(np.float32) * weight[:, :, None], (0, 0), reach)
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


def _holds_several(image: Image.Image) -> bool:
    try:
        return int(getattr(image, "n_frames", 1)) > 1
    except DAMAGE:  # of the second
        return True


def _deep(suffix: str, photo: Photo, colours: NDArray[Any]) -> bytes:
    # OpenCV knows no gray with transparency.
    stored = colours if photo.gray and photo.alpha is None else photo.rgb[:, :, ::-1]
    if photo.alpha is not None:
        stored = np.dstack([stored, photo.alpha])
    encoded = cv2.imencode(suffix, np.ascontiguousarray(stored))[1].tobytes()
    if photo.profile is None or suffix != ".png":
        return encoded
    body = b"iCCP" + b"profile\0\0" + zlib.compress(photo.profile)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return encoded[:_IHDR_END] + chunk + encoded[_IHDR_END:]
