"""From an RGB array to a picture file."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from esrgan_train.errors import UserError
from esrgan_train.files import replacing
from esrgan_train.images.codecs import deep_codecs

# Pillow's options per suffix. Lossy formats are set so high that their own traces do not show.
_JPEG = {"quality": 95, "subsampling": 0}
_TIFF = {"compression": "tiff_deflate"}
_OPTIONS: dict[str, dict[str, Any]] = {
    ".png": {}, ".jpg": _JPEG, ".jpeg": _JPEG, ".webp": {"quality": 95}, ".tif": _TIFF, ".tiff": _TIFF, ".bmp": {}
}  # fmt: skip
_LOSSLESS = {"lossless": True, "quality": 20, "method": 3}  # a third of the time, and 1 % larger than the default
_MAGENTA = (255, 0, 255)
_IHDR_END = 33  # signature (8) and the first chunk (25)


def to_uint8(image: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Clamp to [0,1] and round to the nearest of 256 levels. Any shape.

    A pixel of RGB, (..., 3), with a value that is not finite becomes magenta: black would look like a picture. In
    an array of another shape it is a ``ValueError``.
    """
    finite = np.isfinite(image)
    levels: NDArray[np.floating[Any]] = np.rint(np.clip(np.where(finite, image, 0.0), 0.0, 1.0) * 255.0)
    shown = levels.astype(np.uint8)
    if not finite.all():
        if image.ndim == 0 or image.shape[-1] != 3:
            raise ValueError(f"image of shape {image.shape} holds values that are not finite")
        shown[~finite.all(axis=-1)] = _MAGENTA
    return shown


def shown(image: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """``to_uint8`` of a picture of three channels or one, (H, W, C), as (H, W, 3)."""
    return to_uint8(np.broadcast_to(image, (*image.shape[:2], 3)))


def write_image(
    path: Path,
    image: NDArray[Any],
    *,
    profile: bytes | None = None,
    png_level: int = 6,
    lossless: bool = False,
) -> None:
    """Write a picture in the format of the path's suffix: .png .jpg .jpeg .webp .tif .tiff .bmp.

    Args:
        path: the file, which is replaced in one step; missing folders are made.
        image: (H, W) gray, (H, W, 2) with alpha, (H, W, 3) RGB or (H, W, 4) with alpha; uint8, or uint16 for PNG
            and TIFF.
        profile: the ICC profile of the colours.
        png_level: zlib's level of compression in a PNG, 0 to 9.
        lossless: for WebP alone, which is lossy otherwise.

    Raises:
        UserError: an unknown suffix, or the format cannot hold the picture.
        OSError: the disk does not take it.
    """
    suffix = path.suffix.lower()
    if suffix not in _OPTIONS:
        raise UserError(f"{path}: unknown format {suffix!r}; end the name in one of {' '.join(_OPTIONS)}")
    if image.dtype == np.uint8:
        encoded = _encoded(path, image, profile, {"compress_level": png_level} | (_LOSSLESS if lossless else {}))
    elif image.dtype != np.uint16:
        raise ValueError(f"image is {image.dtype}; pass uint8 or uint16")
    else:
        assert suffix in (".png", ".tif", ".tiff"), f"{path}: a format without 16 bits"
        encoded = _deep_png(image, profile, png_level) if suffix == ".png" else _deep_tiff(image, profile)
    with replacing(path) as partial:
        partial.write_bytes(encoded)


def _encoded(path: Path, image: NDArray[np.uint8], profile: bytes | None, more: dict[str, Any]) -> bytes:
    # In memory, so that the format's refusal and the disk's are two errors: Pillow raises OSError for both, and
    # ignores that a full disk took only a part of a write.
    buffer, suffix = io.BytesIO(), path.suffix.lower()
    options = _OPTIONS[suffix] | ({"icc_profile": profile} if profile else {}) | more  # each format takes its own
    try:
        Image.fromarray(image).save(buffer, format=Image.registered_extensions()[suffix], **options)
    except (OSError, ValueError) as error:
        height, width = image.shape[:2]
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: {width} × {height} pixels cannot be written as {path.suffix}: {reason}; try .png"
        ) from error
    return buffer.getvalue()


def _deep_png(image: NDArray[np.uint16], profile: bytes | None, level: int) -> bytes:
    encoded = bytes(deep_codecs().png_encode(np.ascontiguousarray(image), level=level))
    if profile is None:
        return encoded
    body = b"iCCP" + b"profile\0\0" + zlib.compress(profile)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return encoded[:_IHDR_END] + chunk + encoded[_IHDR_END:]


def _deep_tiff(image: NDArray[np.uint16], profile: bytes | None) -> bytes:
    file, channels = io.BytesIO(), 1 if image.ndim == 2 else image.shape[2]
    tifffile.imwrite(
        file,
        image,
        photometric="minisblack" if channels < 3 else "rgb",
        planarconfig="contig" if image.ndim == 3 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        iccprofile=profile,
        compression="zlib",
        predictor=True,
        metadata=None,  # or a description of the array's shape
    )
    return file.getvalue()
