"""From an opened picture to its samples: the right decoder for each kind of file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from esrgan_train.images.deep import deep_samples
from esrgan_train.images.plain import decode_plain
from esrgan_train.images.sampled import SampledPicture

_READABLE_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})
_GRAY_MODES = frozenset({"1", "L", "LA"})
# Of these formats, some files or all have decoders that take the whole content.
_BY_CONTENT = frozenset({"PNG", "JPEG", "MPO", "QOI", "AVIF", "HEIF", "JPEG2000", "PPM"})


def read_samples(path: str | Path, image: Image.Image) -> NDArray[Any]:
    """(H, W, C) of the first picture, upright, uint8, or uint16 where the file holds more than 8 bits.

    C is 1 for gray, 2 for gray with alpha, 3 for RGB, 4 for RGB with alpha. Palettes and CMYK become RGB, a
    transparent colour becomes alpha; the colours beneath are as stored.

    Args:
        path: the file.
        image: the same file, opened by Pillow and not yet loaded.

    Raises:
        OSError, ValueError, RuntimeError and others of ``DAMAGE``: the file is damaged or of another kind.
    """
    if isinstance(image, SampledPicture):
        return image.samples()
    if image.format in _BY_CONTENT:
        stored = Path(path).read_bytes()
        for decoder in (decode_plain, deep_samples):
            if (samples := decoder(stored, image)) is not None:
                return samples
    if image.mode not in _READABLE_MODES:
        raise ValueError(f"its samples ({image.mode}) are not 8 or 16 bits of gray, RGB or CMYK")
    gray = image.mode in _GRAY_MODES
    see_through = image.has_transparency_data
    upright = ImageOps.exif_transpose(image)
    decoded = np.array(upright.convert("RGBA" if see_through else "L" if gray else "RGB"))
    if not gray:
        return decoded
    return decoded[:, :, [0, 3]] if see_through else decoded[:, :, None]
