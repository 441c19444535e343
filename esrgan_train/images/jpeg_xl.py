"""JPEG XL, which Pillow lacks: the header is read here, the pixels by libjxl (ISO/IEC 18181-1 and -2)."""

from __future__ import annotations

from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from esrgan_train.images.codecs import deep_codecs
from esrgan_train.images.stored import SampledPicture, widen, with_channels

NAME = "JPEGXL"

_CODESTREAM = b"\xff\x0a"
_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
_HEADER_BYTES = 64  # more than size, animation and bit depth take
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))  # of width to height


def accepts(prefix: bytes) -> bool:
    """Whether a file with these first bytes is JPEG XL."""
    return prefix.startswith((_CODESTREAM, _CONTAINER))


class JpegXlPicture(SampledPicture):
    """The first frame; libjxl turns it upright. Its colour profile is not available."""

    format = NAME
    format_description = "JPEG XL"

    def _open(self) -> None:
        assert self.fp is not None
        bits = _Bits(_codestream_start(self.fp))
        self._size = bits.size()
        orientation, self.is_animated, self._bits = bits.metadata()
        self.bits = 8 if self._bits <= 8 else 16
        self.turn(orientation)
        self._mode = "RGB"

    def samples(self) -> NDArray[Any]:
        """The decoded frame; levels of 9 to 15 bits are widened to 16."""
        assert self.fp is not None
        self.fp.seek(0)
        stored = with_channels(deep_codecs().jpegxl_decode(self.fp.read(), index=0, numthreads=1))
        return stored if stored.dtype == np.uint8 else widen(stored, 2**self._bits - 1)


class _Bits:
    """Fields of a header, least significant bit first."""

    def __init__(self, header: bytes) -> None:
        self._left = int.from_bytes(header, "little")

    def take(self, count: int) -> int:
        value = self._left & ((1 << count) - 1)
        self._left >>= count
        return value

    def choose(self, *choices: tuple[int, int]) -> int:
        """One of four (offset, bits that are added to it)."""
        offset, count = choices[self.take(2)]
        return offset + self.take(count)

    def size(self) -> tuple[int, int]:
        """(width, height)."""
        in_eights = self.take(1)
        height = self._side(in_eights)
        if ratio := self.take(3):
            over, under = _RATIOS[ratio - 1]
            return height * over // under, height
        return self._side(in_eights), height

    def _side(self, in_eights: int) -> int:
        return 8 * (1 + self.take(5)) if in_eights else self.choose((1, 9), (1, 13), (1, 18), (1, 30))

    def metadata(self) -> tuple[int, bool, int]:
        """Orientation, whether there are several frames, and the bits of a sample."""
        if self.take(1):  # all defaults
            return 1, False, 8
        orientation, animated = 1, False
        if self.take(1):
            orientation = 1 + self.take(3)
            if self.take(1):
                self.size()  # of the intended display
            if self.take(1):
                self._skip_preview()
            if animated := bool(self.take(1)):
                self._skip_animation()
        last = (1, 6)
        depths = ((32, 0), (16, 0), (24, 0), last) if self.take(1) else ((8, 0), (10, 0), (12, 0), last)
        return orientation, animated, self.choose(*depths)

    def _skip_preview(self) -> None:
        eights, ones = ((16, 0), (32, 0), (1, 5), (33, 9)), ((1, 6), (65, 8), (321, 10), (1345, 12))
        sides = eights if self.take(1) else ones
        self.choose(*sides)
        if not self.take(3):
            self.choose(*sides)

    def _skip_animation(self) -> None:
        self.choose((100, 0), (1000, 0), (1, 10), (1, 30))  # ticks per second, over
        self.choose((1, 0), (1001, 0), (1, 8), (1, 10))
        self.choose((0, 0), (0, 3), (0, 16), (0, 32))  # repetitions
        self.take(1)  # time codes


def _codestream_start(file: IO[bytes]) -> bytes:
    """The first bytes of the codestream after its signature, in a file with or without a container."""
    start = file.read(len(_CONTAINER))
    if start.startswith(_CODESTREAM):
        return (start + file.read(_HEADER_BYTES))[len(_CODESTREAM) :]
    while len(head := file.read(8)) == 8:
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if length == 1:
            length = int.from_bytes(file.read(8), "big") - 8
        if kind in (b"jxlc", b"jxlp"):
            return file.read(_HEADER_BYTES)[len(_CODESTREAM) + (4 if kind == b"jxlp" else 0) :]
        if length < 8:  # to the end of the file, or nonsense
            break
        file.seek(length - 8, 1)
    raise SyntaxError("it holds no JPEG XL codestream")
