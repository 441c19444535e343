"""Which bytes of a packed set hold which photo, at which scale.

A set is a folder of NumPy files, because a window then is a strided view of a mapped file: nothing is copied,
decoded or parsed to find it, no further library is needed, and ``np.load(shard, mmap_mode="r")`` opens a shard.

- ``set.json``: what the set is, and the bytes of each shard;
- ``photos.npy``: one record for each photo, and ``names.npy``: the bytes of all names, one behind the other;
- ``shard-00000.npy`` and so on: the pixels. A photo's planes lie one behind the other: the photo, the photo at
  each smaller scale, or its LR side. Each is (H, W, 3) in rows, of 8 or 16 bits (little-endian), and begins at a
  page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.lib import format as npy

from esrgan_train.images.scaling import scaled_size

VERSION = 1
MARKER, RECORDS, NAMES = "set.json", "photos.npy", "names.npy"
UNFINISHED = "unfinished"  # a folder in the set, until it is complete
TILE_MARK = "#"  # in the name of a tile, before its place in the photo
PAGE = 4096  # bytes
SHARD_HEADER = PAGE  # bytes of a shard before the pixels

RECORD = np.dtype(
    [
        ("shard", "<u4"),
        ("offset", "<u8"),  # of the first plane, in bytes behind the shard's header
        ("height", "<u4"),  # at scale 1
        ("width", "<u4"),
        ("depth", "u1"),  # bytes of a sample: 1 or 2
        ("name_end", "<u8"),  # in the bytes of all names
        ("file_size", "<i8"),  # bytes of the file that the photo came from
    ]
)


class Plane(NamedTuple):
    """One picture of a photo: where it begins, in bytes behind the photo's first, and its (height, width)."""

    offset: int
    size: tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """What is held of each photo of a set.

    Attributes:
        scales: below 1, falling, at which photos are held besides.
        upscale: how many times smaller the LR sides are; None if there are none.
    """

    scales: tuple[float, ...] = ()
    upscale: int | None = None

    @classmethod
    def of(cls, scales: Sequence[float], upscale: int | None) -> Layout:
        """For ``data.scales``; pairs are used at scale 1 alone."""
        smaller = () if upscale else tuple(sorted({scale for scale in scales if scale < 1}, reverse=True))
        return cls(smaller, upscale)

    def planes(self, size: tuple[int, int], depth: int) -> list[Plane]:
        """The photo of that (height, width), then its scales or its LR side."""
        sizes = [size, *(scaled_size(size, scale) for scale in self.scales)]
        if self.upscale:
            sizes.append((size[0] // self.upscale, size[1] // self.upscale))
        planes, offset = [], 0
        for each in sizes:
            planes.append(Plane(offset, each))
            offset += whole_pages(each[0] * each[1] * 3 * depth)
        return planes

    def length(self, size: tuple[int, int], depth: int) -> int:
        """Bytes of a photo in its shard."""
        last = self.planes(size, depth)[-1]
        return last.offset + whole_pages(last.size[0] * last.size[1] * 3 * depth)


def whole_pages(length: int) -> int:
    """Bytes of the pages that so many bytes take."""
    return -(-length // PAGE) * PAGE


def shard_name(number: int) -> str:
    """The file of a shard."""
    return f"shard-{number:05d}.npy"


def shard_header(length: int) -> bytes:
    """What a NumPy file of ``length`` bytes begins with, filled up to a page."""
    described = repr({"descr": "|u1", "fortran_order": False, "shape": (length,)})
    start = npy.magic(1, 0)
    room = SHARD_HEADER - len(start) - 2
    return start + room.to_bytes(2, "little") + described.encode().ljust(room - 1) + b"\n"
