"""Decoded photos kept for the next time, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from esrgan_train.data.sources import Decoded


class PhotoCache:
    """Decodes photos it does not hold; when full, drops the least recently used. Each worker has its own.

    Args:
        decode: number of a photo → its pixels.
        max_bytes: limit on the pixels held; a larger photo is decoded each time.
    """

    def __init__(self, decode: Callable[[int], Decoded], *, max_bytes: int) -> None:
        self.decode = decode
        self.max_bytes = max_bytes
        self.held_bytes = 0
        self._photos: OrderedDict[int, Decoded] = OrderedDict()

    def __getitem__(self, index: int) -> Decoded:
        if index in self._photos:
            self._photos.move_to_end(index)
            return self._photos[index]
        photo = self.decode(index)
        # Nothing was decoded: held pages would count as this process's, and a distant picture is not even read.
        if not isinstance(photo.hr, np.ndarray) or isinstance(photo.hr, np.memmap):
            return photo
        if (size := _bytes_of(photo)) <= self.max_bytes:
            for side in (photo.hr, photo.lr):
                if side is not None:
                    side.setflags(write=False)  # a caller that drew on it would change later samples
            self._photos[index] = photo
            self.held_bytes += size
            while self.held_bytes > self.max_bytes:
                self.held_bytes -= _bytes_of(self._photos.popitem(last=False)[1])
        return photo


def _bytes_of(photo: Decoded) -> int:
    return sum(side.nbytes for side in (photo.hr, photo.lr) if side is not None)
