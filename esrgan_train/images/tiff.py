"""TIFF of gray or RGB, which Pillow reads only in part: not 16 bits, further channels or newer compressions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import ExifTags

from esrgan_train.images.remarks import remark
from esrgan_train.images.stored import SampledPicture, orient, orientation, with_channels

NAME = "TIFFSAMPLES"

_COLOURS = {0: 1, 1: 1, 2: 3}  # channels by photometric interpretation: white is zero, black is zero, RGB
_WHITE_IS_ZERO = 0
_KINDS = {1: "unsigned", 2: "signed", 3: "floating-point", 5: "complex", 6: "complex"}  # by sample format
_UNSIGNED = 1
_PREMULTIPLIED, _ALPHA = 1, (1, 2)  # of ExtraSamples
_PROFILE = 34675
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def accepts(prefix: bytes) -> bool:
    """Whether a file with these first bytes is TIFF or BigTIFF."""
    return prefix.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"))


class TiffPicture(SampledPicture):
    """The first page, where it is gray or RGB of 8 or 16 bits; ``SyntaxError`` leaves other files to Pillow."""

    format = NAME
    format_description = "TIFF of gray or RGB samples of 8 or 16 bits"

    def _open(self) -> None:
        assert self.fp is not None
        try:
            self._file = tifffile.TiffFile(self.fp)
            page = self._file.pages.first
            assert isinstance(page, tifffile.TiffPage)
            self._page = page
            bits, colours = page.bitspersample, _COLOURS.get(int(page.photometric))
            unsigned = page.sampleformat == _UNSIGNED
            self._size = page.imagewidth, page.imagelength
            if profile := page.tags.get(_PROFILE):
                self.info["icc_profile"] = bytes(profile.value)
            if turned := page.tags.get(int(ExifTags.Base.Orientation)):
                self.turn(turned.value)
        except Exception as error:  # of a damaged file tifffile may raise anything
            raise SyntaxError(str(error)) from error
        if unsigned and isinstance(bits, int) and (bits < 8 or (bits == 8 and colours is None)):
            raise SyntaxError("left to Pillow")
        if page.is_reduced:
            raise ValueError("its first picture is a preview, as in raw photographs; convert it to PNG or TIFF")
        if not unsigned or bits not in (8, 16) or colours is None or self._has_unknown_channels(colours):
            raise ValueError(f"it holds {self._described()}; save it as gray or RGB with 8 or 16 bits")
        self.bits = bits
        self._mode = _MODES[colours + self._has_alpha(colours)]

    @property
    def is_animated(self) -> bool:
        """Whether there is a further page."""
        try:
            return self._file.pages[1] is not None
        except IndexError:
            return False

    def samples(self) -> NDArray[Any]:
        """Colours and alpha of the first page; further channels beside RGB, such as infrared, are dropped."""
        page, channels = self._page, len(self.mode)
        if 0 in page.databytecounts or len(page.databytecounts) < math.prod(page.chunked):
            raise ValueError("a part of its samples is missing")
        stored = page.asarray(maxworkers=1)
        if page.axes == "SYX":  # channels one after the other
            stored = np.moveaxis(stored, 0, 2)
        if channels < page.samplesperpixel:
            remark(f"only red, green and blue of its {page.samplesperpixel} channels are read")
            stored = stored[:, :, :channels]
        stored = with_channels(stored.astype(stored.dtype.newbyteorder("="), copy=False))
        if page.photometric == _WHITE_IS_ZERO:
            stored = np.concatenate([~stored[:, :, :1], stored[:, :, 1:]], axis=2)
        if page.extrasamples[:1] == (_PREMULTIPLIED,):
            stored = _unmultiplied(stored)
        return orient(stored, orientation(self))

    def _has_alpha(self, colours: int) -> bool:
        extra = self._page.extrasamples
        return extra[0] in _ALPHA if extra else self._page.samplesperpixel == colours + 1

    def _has_unknown_channels(self, colours: int) -> bool:
        # Some are missing, or there are some beside gray whose meaning is not stated.
        channels = self._page.samplesperpixel
        return channels < colours or (colours == 1 and channels > 1 + self._has_alpha(colours))

    def _described(self) -> str:
        page = self._page
        channels = f"{page.samplesperpixel} channel{'s' if page.samplesperpixel > 1 else ''}"
        kind = _KINDS.get(int(page.sampleformat or 0), "undefined")
        colours = getattr(page.photometric, "name", page.photometric)
        return f"{channels} of {page.bitspersample}-bit {kind} numbers ({colours})"


def _unmultiplied(stored: NDArray[Any]) -> NDArray[Any]:
    """Colours as they were before they were multiplied by alpha, the last channel."""
    white, colours, alpha = np.iinfo(stored.dtype).max, stored[:, :, :-1], stored[:, :, -1:]
    levels = np.minimum(colours / np.maximum(alpha, 1) * float(white), white)
    return np.concatenate([np.rint(levels).astype(stored.dtype), alpha], axis=2)
