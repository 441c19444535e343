"""PNG, decoded by libpng: faster than Pillow for 8-bit RGB, and without its loss of 16 bits."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from esrgan_train.images.codecs import deep_codecs, quick_codecs
from esrgan_train.images.stored import orient, orientation, with_channels

_SIGNATURE_BYTES = 8
_BIT_DEPTH, _COLOUR_TYPE = 24, 25  # places: signature (8), length and name of the first chunk (8), sides (8)
_RGB = 2

_OF_PIXELS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_TEXTS_OF_ORIENTATION = (b"Raw profile type", b"XML:com.adobe.xmp")  # which Pillow knows how to read
_PLAIN = _TEXTS | frozenset(b"IHDR IDAT IEND gAMA cHRM sRGB iCCP pHYs tIME bKGD".split())


def png_samples(stored: bytes, image: Image.Image) -> NDArray[Any] | None:
    """(H, W, C), upright, of a 16-bit file or a sound and plain 8-bit RGB one; None leaves the rest to Pillow.

    Pillow also takes files with damaged or missing chunks: it says what is wrong with them. ``image`` is the same
    file as ``stored``, opened by Pillow and not yet loaded.

    Raises:
        RuntimeError: the chunks hold no picture of the header's size.
    """
    if stored[_BIT_DEPTH] == 16:  # a transparent colour becomes alpha
        decoded = with_channels(deep_codecs().png_decode(_pixels_alone(stored)))
        turned = any(_may_hold_orientation(stored, kind, start) for kind, start, _ in _chunks(stored))
        return orient(decoded, orientation(image)) if turned else decoded  # Pillow would decode it to know
    if image.mode == "RGB" and _is_plain(stored) and (codecs := quick_codecs()) is not None:
        decoded = with_channels(codecs.png_decode(_pixels_alone(stored)))
        return decoded if decoded.shape == (*image.size[::-1], 3) else None
    return None


def _is_plain(stored: bytes) -> bool:
    """8-bit RGB, nothing that turns or animates it, and every chunk there with its checksum, to the end."""
    if (stored[_BIT_DEPTH], stored[_COLOUR_TYPE]) != (8, _RGB):
        return False
    content = memoryview(stored)
    for kind, start, end in _chunks(stored):
        if kind not in _PLAIN or _may_hold_orientation(stored, kind, start):
            return False
        if zlib.crc32(content[start + 4 : end - 4]) != int.from_bytes(stored[end - 4 : end], "big"):
            return False  # or the chunk is cut off
        if kind == b"IEND":
            return True
    return False


def _chunks(stored: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of each chunk, to the last; of a truncated file the end may lie beyond it."""
    place = _SIGNATURE_BYTES
    while place + 12 <= len(stored):  # length (4), name (4), content, checksum (4)
        end = place + 12 + int.from_bytes(stored[place : place + 4], "big")
        kind = stored[place + 4 : place + 8]
        yield kind, place, end
        if kind == b"IEND":
            return
        place = end


def _may_hold_orientation(stored: bytes, kind: bytes, start: int) -> bool:
    return kind == b"eXIf" or (kind in _TEXTS and stored.startswith(_TEXTS_OF_ORIENTATION, start + 8))


def _pixels_alone(stored: bytes) -> bytes:
    """The file without the chunks that change no pixel: libpng prints warnings about them."""
    content = memoryview(stored)
    kept = [content[start:end] for kind, start, end in _chunks(stored) if kind in _OF_PIXELS]
    return b"".join([content[:_SIGNATURE_BYTES], *kept])
