"""From an RGB array to a picture file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from esrgan_train.errors import UserError
from esrgan_train.files import replacing

# Pillow's options per suffix. Lossy formats are set so high that their own traces do not show.
_OPTIONS: dict[str, dict[str, Any]] = {
    ".png": {"compress_level": 6},
    ".jpg": {"quality": 95, "subsampling": 0},
    ".jpeg": {"quality": 95, "subsampling": 0},
    ".webp": {"quality": 95},
    ".tif": {"compression": "tiff_deflate"},
    ".tiff": {"compression": "tiff_deflate"},
    ".bmp": {},
}
_SUFFIXES_16_BIT = (".png", ".tif", ".tiff")
_MAGENTA = (255, 0, 255)


def to_uint8(image: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Clamp to [0,1] and round to the nearest of 256 levels. Any shape.

    A pixel of RGB, (..., 3), with a value that is not finite becomes magenta: black would look like a picture.

    Raises:
        ValueError: a value that is not finite, in an array of another shape.
    """
    finite = np.isfinite(image)
    levels: NDArray[np.floating[Any]] = np.rint(np.clip(np.where(finite, image, 0.0), 0.0, 1.0) * 255.0)
    shown = levels.astype(np.uint8)
    if not finite.all():
        if image.ndim == 0 or image.shape[-1] != 3:
            raise ValueError(f"image of shape {image.shape} holds values that are not finite")
        shown[~finite.all(axis=-1)] = _MAGENTA
    return shown


def write_image(path: Path, image: NDArray[Any]) -> None:
    """Write a picture in the format of the path's suffix: .png .jpg .jpeg .webp .tif .tiff .bmp.

    The file is written beside its place and renamed; missing folders are made.

    Args:
        path: where to write.
        image: (H, W, 3) RGB or (H, W) gray, uint8, or uint16 for PNG and TIFF.

    Raises:
        UserError: an unknown suffix, or a picture that the format cannot hold.
        ValueError: another shape or number type.
        OSError: the disk does not take it.
    """
    if not (image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)) or not image.size:
        raise ValueError(f"image is of shape {image.shape}; pass (H, W, 3) or (H, W)")
    if image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"image is {image.dtype}; pass uint8 or uint16")
    suffix = path.suffix.lower()
    if suffix not in _OPTIONS:
        raise UserError(f"{path}: unknown format {suffix!r}; end the name in one of {' '.join(_OPTIONS)}")
    if image.dtype == np.uint16 and suffix not in _SUFFIXES_16_BIT:
        raise UserError(f"{path}: {suffix} holds no 16-bit picture; end the name in .png or .tif")
    if image.dtype == np.uint16:
        encoded = cv2.imencode(suffix, image[:, :, ::-1] if image.ndim == 3 else image)[1].tobytes()
    else:
        encoded = encode_levels(path, image, **_OPTIONS[suffix])
    with replacing(path) as partial:
        partial.write_bytes(encoded)


def encode_levels(path: Path, image: NDArray[np.uint8], **options: Any) -> bytes:
    """What to write to ``path``, by Pillow with its ``options``.

    In memory, so that what the format cannot hold and what the disk cannot are two errors: Pillow raises
    ``OSError`` for both, and passes over a write of which a full disk takes only a part.

    Raises:
        UserError: the format cannot hold the picture.
    """
    buffer = io.BytesIO()
    try:
        Image.fromarray(image).save(buffer, format=Image.registered_extensions()[path.suffix.lower()], **options)
    except (OSError, ValueError) as error:
        height, width = image.shape[:2]
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: {width} × {height} pixels cannot be written as {path.suffix}: {reason}; try .png"
        ) from error
    return buffer.getvalue()
