"""From a decoded photo to the entries of a set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, cast

import numpy as np

from esrgan_train.data.packed_layout import TILE_MARK
from esrgan_train.data.sources import Decoded
from esrgan_train.images.crop import reduced
from esrgan_train.images.decode import Picture
from esrgan_train.images.scaling import resized
from esrgan_train.prepare.options import Options
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
    hr = resized(photo.hr, options.reduction(photo.size))
    found = []
    for top, left in options.corners((hr.shape[0], hr.shape[1])):
        if options.tile is None:
            piece = Piece("", hr, photo.lr)
        else:
            rows, columns = slice(top, top + options.tile), slice(left, left + options.tile)
            lr = None
            if photo.lr is not None and options.upscale is not None:
                lr = photo.lr[reduced(rows, options.upscale), reduced(columns, options.upscale)]
            piece = Piece(f"{TILE_MARK}{top},{left}", cast(Picture, np.ascontiguousarray(hr[rows, columns])), lr)
        if not options.min_detail or detail(piece.hr) >= options.min_detail:
            found.append(piece)
    return found
