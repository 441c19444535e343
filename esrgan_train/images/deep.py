"""Samples of more than 8 bits in files that Pillow opens, but would silently reduce to 8."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from esrgan_train.images.png import chunks, pixels_alone, says_how_to_turn
from esrgan_train.images.sampled import orient, orientation, widen, with_channels

_PNG_BIT_DEPTH_BYTE = 24  # after the signature (8), the chunk's length and type (8), width and height (8)
_SYCC = b"colr\x01\0\0\0\0\0\x12"  # a box that says: luma and chroma


def deep_samples(stored: bytes, image: Image.Image) -> NDArray[np.uint16] | None:
    """(H, W, C) of a picture of more than 8 bits, upright, white at 65,535; None if there are no more than 8.

    C is 1 for gray, 2 with alpha, 3 for RGB, 4 with alpha.

    Args:
        stored: the file's content.
        image: the same file, opened by Pillow and not yet loaded.

    Raises:
        ValueError, RuntimeError: the file is damaged, or its colours are neither gray nor RGB.
    """
    read = _READERS.get(image.format or "")
    return None if read is None else read(stored, image)


def _png(stored: bytes, image: Image.Image) -> NDArray[np.uint16] | None:
    if stored[_PNG_BIT_DEPTH_BYTE] != 16:
        return None
    decoded = with_channels(imagecodecs.png_decode(pixels_alone(stored)))  # a transparent colour becomes alpha
    turned = any(says_how_to_turn(stored, kind, start) for kind, start, _ in chunks(stored))
    return orient(decoded, orientation(image)) if turned else decoded  # Pillow would decode it to know


def _avif(stored: bytes, image: Image.Image) -> NDArray[np.uint16] | None:
    flags = stored[stored.index(b"av1C") + 6]  # AV1's configuration: more than 8 bits, and then 12 instead of 10
    if not flags & 0x40:
        return None
    decoded = with_channels(imagecodecs.avif_decode(stored, index=0, numthreads=1))
    return orient(widen(decoded, 0xFFF if flags & 0x20 else 0x3FF), orientation(image))


def _heif(stored: bytes, image: Image.Image) -> NDArray[np.uint16] | None:
    if image.info["bit_depth"] <= 8:
        return None
    import pillow_heif  # an optional package; without it no picture is of this format

    return with_channels(np.asarray(pillow_heif.open_heif(stored, convert_hdr_to_8bit=False)))


def _jpeg_2000(stored: bytes, image: Image.Image) -> NDArray[np.uint16] | None:
    size_marker = stored.index(b"\xff\x4f\xff\x51")
    components = int.from_bytes(stored[size_marker + 40 : size_marker + 42], "big")
    depths = set(stored[size_marker + 42 : size_marker + 42 + 3 * components : 3])  # bits - 1, and 128 if signed
    if max(depths) < 8:
        return None
    if len(depths) > 1 or max(depths) > 15:
        raise ValueError("its channels are not unsigned numbers of the same 8 to 16 bits; save it as PNG or TIFF")
    if _SYCC in stored[:size_marker] or image.mode in ("P", "PA", "CMYK"):
        raise ValueError("its colours of more than 8 bits are neither gray nor RGB; save it as PNG or TIFF")
    return widen(with_channels(imagecodecs.jpeg2k_decode(stored, numthreads=1)), 2 ** (max(depths) + 1) - 1)


def _ppm(stored: bytes, image: Image.Image) -> NDArray[np.uint16] | None:
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


_READERS: dict[str, Callable[[bytes, Image.Image], NDArray[np.uint16] | None]] = {
    "PNG": _png,
    "AVIF": _avif,
    "HEIF": _heif,
    "JPEG2000": _jpeg_2000,
    "PPM": _ppm,
}
