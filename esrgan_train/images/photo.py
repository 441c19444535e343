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
from esrgan_train.images.decode import decode
from esrgan_train.images.depth16 import orient
from esrgan_train.images.encode import encode_levels

_PNG_LEVEL = 1  # of an enlarged photograph: five times quicker than the usual 6, and a sixth larger
_OPTIONS: dict[str, dict[str, Any]] = {
    ".png": {"compress_level": _PNG_LEVEL},
    ".jpg": {"quality": 95, "subsampling": 0},
    ".webp": {"quality": 95},
    ".tiff": {"compression": "tiff_deflate"},
}
_IHDR_END = 33  # signature (8) and the first chunk (25)


@dataclass(frozen=True)
class Photo:
    """A decoded picture, upright.

    Attributes:
        rgb: (H, W, 3) uint8 or uint16.
        alpha: (H, W) of the same type, or None.
        gray: whether the file held one colour channel.
        profile: the ICC profile of the colours in ``rgb``, or None.
        pictures: how many the file holds (an animation, pages); the others than the first are not read.
    """

    rgb: NDArray[Any]
    alpha: NDArray[Any] | None
    gray: bool
    profile: bytes | None
    pictures: int


def read_photo(path: Path) -> Photo:
    """Read a picture; colours as ``decode`` gives them.

    The profile of a CMYK file is dropped, since it does not describe the RGB made from it.

    Raises:
        UnreadableImageError: as ``decode``.
    """
    rgb = decode(path)
    with Image.open(path) as image:
        gray = image.mode in ("1", "L", "LA") or image.mode.startswith("I")
        profile = None if image.mode == "CMYK" else image.info.get("icc_profile")
        pictures = int(getattr(image, "n_frames", 1))
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
    return Photo(rgb, alpha, gray, profile, pictures)


def write_photo(path: Path, photo: Photo) -> None:
    """Write a picture in the format of the suffix: .png .jpg .webp .tiff; beside its place, then renamed.

    Raises:
        UserError: the format cannot hold its transparency or size, or its 16 bits with the profile.
    """
    suffix = path.suffix.lower()
    if photo.alpha is not None and suffix == ".jpg":
        raise UserError(f"{path}: .jpg holds no transparency; give --format png, webp or tiff")
    colours = photo.rgb
    if photo.gray:
        levels: NDArray[Any] = np.rint(photo.rgb.mean(axis=2, dtype=np.float32))
        colours = levels.astype(photo.rgb.dtype)
    deep = photo.rgb.dtype == np.uint16
    if deep and suffix not in (".png", ".tiff"):
        raise UserError(f"{path}: {suffix} holds no 16-bit picture; give --format png or tiff")
    if deep and photo.profile and suffix == ".tiff":
        raise UserError(f"{path}: a 16-bit .tiff with a colour profile cannot be written; give --format png")
    if deep:
        encoded = _deep(suffix, photo, colours)
    else:
        if photo.alpha is not None:
            colours = np.dstack([colours, photo.alpha])
        options = {**_OPTIONS[suffix], **({"icc_profile": photo.profile} if photo.profile else {})}
        encoded = encode_levels(path, colours, **options)
    with replacing(path) as partial:
        partial.write_bytes(encoded)


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
