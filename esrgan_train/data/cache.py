"""Decoded photographs kept for the next time, up to a number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar


class Cacheable(Protocol):
    """What can be kept: an array, or something that has as much of one."""

    @property
    def nbytes(self) -> int:
        """Bytes that keeping it takes."""

    def setflags(self, *, write: bool) -> Any:
        """Make it read-only."""


Decoded = TypeVar("Decoded", bound=Cacheable)


class PhotoCache(Generic[Decoded]):
    """Calls ``decode`` for photos it does not hold; when full, drops what was not used for longest.

    Each worker process fills its own. A photo larger than the whole cache is decoded each time.

    Args:
        decode: number of a photo → its pixels.
        max_bytes: limit on the pixels held; 0 keeps nothing.
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
        if photo.nbytes <= self.max_bytes:
            photo.setflags(write=False)  # a caller that drew on it would change later samples
            self._photos[index] = photo
            self.held_bytes += photo.nbytes
            while self.held_bytes > self.max_bytes:
                self.held_bytes -= self._photos.popitem(last=False)[1].nbytes
        return photo
