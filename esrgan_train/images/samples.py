"""From an opened picture to its samples. Pillow decodes what no other library decodes faster or with more bits."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from esrgan_train.images.codecs import deep_codecs, quick_codecs
from esrgan_train.images.png import png_samples
from esrgan_train.images.stored import SampledPicture, orient, orientation, widen, with_channels

_READABLE_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})
_GRAY_MODES = frozenset({"1", "L", "LA"})
_JPEG_END = b"\xff\xd9"
_QOI_END = b"\0\0\0\0\0\0\0\1"
_SYCC = b"colr\x01\0\0\0\0\0\x12"  # a box of JPEG 2000: luma and chroma


def read_samples(path: str | Path, image: Image.Image) -> NDArray[Any]:
    """(H, W, C) of the first picture, upright, uint8, or uint16 where the file holds more than 8 bits.

    C is 1 for gray, 2 for gray with alpha, 3 for RGB, 4 for RGB with alpha. Palettes and CMYK become RGB, a
    transparent colour becomes alpha; the colours beneath are as stored.

    ``image`` is the file at ``path``, opened by Pillow and not yet loaded.

    Raises:
        Exception: of any kind, where the file is damaged or its samples are of another kind.
    """
    if isinstance(image, SampledPicture):
        return image.samples()
    if image.format in DECODERS:
        samples = DECODERS[image.format](Path(path).read_bytes(), image)
        if samples is not None:
            return samples
    return _by_pillow(image)


def _by_pillow(image: Image.Image) -> NDArray[Any]:
    if image.mode not in _READABLE_MODES:
        raise ValueError(f"its samples ({image.mode}) are not 8 or 16 bits of gray, RGB or CMYK")
    gray = image.mode in _GRAY_MODES
    has_alpha = image.has_transparency_data
    upright = ImageOps.exif_transpose(image)
    decoded = np.array(upright.convert("RGBA" if has_alpha else "L" if gray else "RGB"))
    if not gray:
        return decoded
    return decoded[:, :, [0, 3]] if has_alpha else decoded[:, :, None]


def _jpeg(stored: bytes, image: Image.Image) -> NDArray[Any] | None:
    # A truncated file is left to Pillow, which refuses it: libjpeg makes a picture of it that is partly gray.
    if image.mode != "RGB" or not stored.endswith(_JPEG_END) or (codecs := quick_codecs()) is None:
        return None
    try:
        decoded = codecs.jpeg8_decode(stored)
    except codecs.Jpeg8Error:
        return None
    return orient(decoded, orientation(image)) if decoded.shape == (*image.size[::-1], 3) else None


def _qoi(stored: bytes, image: Image.Image) -> NDArray[Any] | None:
    if image.mode != "RGB" or not stored.endswith(_QOI_END) or (codecs := quick_codecs()) is None:
        return None
    decoded: NDArray[Any] = codecs.qoi_decode(stored)
    return decoded if decoded.shape == (*image.size[::-1], 3) else None


def _avif(stored: bytes, image: Image.Image) -> NDArray[Any] | None:
    flags = stored[stored.index(b"av1C") + 6]  # AV1's configuration: more than 8 bits, and then 12 instead of 10
    if not flags & 0x40:
        return None
    decoded = with_channels(deep_codecs().avif_decode(stored, index=0, numthreads=1))
    return orient(widen(decoded, 0xFFF if flags & 0x20 else 0x3FF), orientation(image))


def _heif(stored: bytes, image: Image.Image) -> NDArray[Any] | None:
    if image.info["bit_depth"] <= 8:
        return None
    import pillow_heif  # an optional package; without it no picture is of this format

    return with_channels(np.asarray(pillow_heif.open_heif(stored, convert_hdr_to_8bit=False)))


def _jpeg_2000(stored: bytes, image: Image.Image) -> NDArray[Any] | None:
    size_marker = stored.index(b"\xff\x4f\xff\x51")
    components = int.from_bytes(stored[size_marker + 40 : size_marker + 42], "big")
    depths = set(stored[size_marker + 42 : size_marker + 42 + 3 * components : 3])  # bits - 1, and 128 if signed
    if max(depths) < 8:
        return None
    if len(depths) > 1 or max(depths) > 15:
        raise ValueError("its channels are not unsigned numbers of the same 8 to 16 bits; save it as PNG or TIFF")
    if _SYCC in stored[:size_marker] or image.mode in ("P", "PA", "CMYK"):
        raise ValueError("its colours of more than 8 bits are neither gray nor RGB; save it as PNG or TIFF")
    return widen(with_channels(deep_codecs().jpeg2k_decode(stored, numthreads=1)), 2 ** (max(depths) + 1) - 1)


def _ppm(stored: bytes, image: Image.Image) -> NDArray[Any] | None:
    decoder, _, start, options = image.tile[0]  # type: ignore[attr-defined]
    white = 65535 if options == "I;16B" else options[1] if isinstance(options, tuple) else 255
    if white <= 255:
        return None
    shape = image.height, image.width, 3 if image.mode == "RGB" else 1
    count = math.prod(shape)
    if decoder == "ppm_plain":
        numbers = re.sub(rb"#[^\r\n]*", b"", stored[start:]).split(maxsplit=count)[:count]
        return widen(np.array(numbers, dtype=np.int64).reshape(shape), white)
    return widen(np.frombuffer(stored, ">u2", count, start).reshape(shape), white)


# By Pillow's name of the format: from the whole content to samples as ``read_samples`` returns them, or to None.
DECODERS: dict[str, Callable[[bytes, Image.Image], NDArray[Any] | None]] = {
    "PNG": png_samples,
    "JPEG": _jpeg,
    "MPO": _jpeg,
    "QOI": _qoi,
    "AVIF": _avif,
    "HEIF": _heif,
    "JPEG2000": _jpeg_2000,
    "PPM": _ppm,
}
