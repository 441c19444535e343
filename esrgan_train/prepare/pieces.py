"""From a decoded photo to the entries of a set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from esrgan_train.data.packed_layout import TILE_MARK
from esrgan_train.data.sources import Decoded
from esrgan_train.images.crop import reduced
from esrgan_train.images.decode import Picture
from esrgan_train.images.photo import resize_levels
from esrgan_train.images.scaling import resized
from esrgan_train.prepare.options import Options, Size
from esrgan_train.screening.detail import detail


class Piece(NamedTuple):
    """A photo or a tile of it, and its LR side if there is one."""

    mark: str  # that follows the photo's name
    hr: Picture
    lr: Picture | None = None

    def planes(self, options: Options) -> Iterator[Picture]:
        """What a set holds of it, in the order of ``Layout.planes``; one is made at a time."""
        yield self.hr
        for scale in options.layout.scales:
            yield resized(self.hr, scale)
        if self.lr is not None:
            yield self.lr


def pieces(photo: Decoded, options: Options) -> list[Piece]:
    """The entries that a photo becomes, without those of too little detail."""
    hr = _reduced(photo.hr, options.reduced(photo.size))
    small = photo.lr
    if small is not None and small.dtype != hr.dtype:
        hr, small = _deep(hr), _deep(small)
    found = []
    for top, left in options.corners((hr.shape[0], hr.shape[1])):
        if options.tile is None:
            piece = Piece("", hr, small)
        else:
            rows, columns = slice(top, top + options.tile), slice(left, left + options.tile)
            lr = None
            if small is not None and options.upscale is not None:
                lr = small[reduced(rows, options.upscale), reduced(columns, options.upscale)]
            piece = Piece(f"{TILE_MARK}{top},{left}", cast(Picture, np.ascontiguousarray(hr[rows, columns])), lr)
        if not options.min_detail or detail(piece.hr) >= options.min_detail:
            found.append(piece)
    return found


def _deep(photo: Picture) -> NDArray[np.uint16]:
    """16 bits, the same to the last bit in [0,1]: v/255 is 257·v/65535."""
    levels: NDArray[np.uint16] = photo.astype(np.uint16)
    return levels if photo.dtype == np.uint16 else levels * np.uint16(257)


def _reduced(photo: Picture, size: Size) -> Picture:
    """The photo at (height, width), by Lanczos over all of it."""
    if photo.shape[:2] == size:
        return photo
    if photo.dtype == np.uint8:
        return np.asarray(Image.fromarray(photo).resize(size[::-1], Image.Resampling.LANCZOS), dtype=np.uint8)
    return resize_levels(photo, size[::-1])
