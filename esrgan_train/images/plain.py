"""The commonest files, decoded by the fastest library for each: Pillow's pixels in less time and memory.

Pillow takes over where these would hide damage: of a truncated JPEG libjpeg makes a picture that is partly gray.
"""

from __future__ import annotations

import zlib

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile

from esrgan_train.images.png import TEXTS, chunks, pixels_alone, says_how_to_turn
from esrgan_train.images.sampled import orient, orientation

_JPEG_END = b"\xff\xd9"
_QOI_END = b"\0\0\0\0\0\0\0\1"

_PNG_8_BIT_RGB = b"\x08\x02"
# What changes no pixel.
_PNG_CHUNKS = TEXTS | {b"IHDR", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"pHYs", b"tIME", b"bKGD"}


def decode_plain(stored: bytes, image: Image.Image) -> NDArray[np.uint8] | None:
    """(H, W, 3) RGB of a whole 8-bit RGB JPEG, upright PNG or QOI; None leaves the file to others.

    Args:
        stored: the file's content.
        image: the same file, opened by Pillow.

    Raises:
        OSError: a PNG whose chunks are whole but hold no picture of its size.
    """
    decoded, turn = None, 1
    if image.mode != "RGB":
        return None
    if isinstance(image, PngImageFile) and _is_plain_png(stored):
        decoded = _decode_png(stored)
    elif isinstance(image, JpegImageFile) and stored.endswith(_JPEG_END):
        decoded, turn = _decode_jpeg(stored), orientation(image)
    elif image.format == "QOI" and stored.endswith(_QOI_END):
        decoded = imagecodecs.qoi_decode(stored)
    return orient(decoded, turn) if decoded is not None and decoded.shape == (*image.size[::-1], 3) else None


def _decode_png(stored: bytes) -> NDArray[np.uint8]:
    try:
        decoded: NDArray[np.uint8] = imagecodecs.png_decode(pixels_alone(stored))
    except imagecodecs.PngError as error:  # Pillow would fill what is missing with black
        raise OSError(str(error)) from error
    return decoded


def _decode_jpeg(stored: bytes) -> NDArray[np.uint8] | None:
    try:
        decoded: NDArray[np.uint8] = imagecodecs.jpeg8_decode(stored)
    except imagecodecs.Jpeg8Error:
        return None
    return decoded


def _is_plain_png(stored: bytes) -> bool:
    """8-bit RGB, nothing that turns or animates it, and every chunk there with its checksum, to the end."""
    if stored[24:26] != _PNG_8_BIT_RGB:
        return False
    content = memoryview(stored)
    for kind, start, end in chunks(stored):
        if kind not in _PNG_CHUNKS or says_how_to_turn(stored, kind, start):
            return False
        if zlib.crc32(content[start + 4 : end - 4]) != int.from_bytes(stored[end - 4 : end], "big"):
            return False  # or the chunk is cut off
        if kind == b"IEND":
            return True
    return False
