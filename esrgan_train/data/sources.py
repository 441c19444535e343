"""Where photos come from: a source gives the pixels of each, by number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from esrgan_train.data.stream import Run, photo_index
from esrgan_train.images.decode import Header, Picture
from esrgan_train.images.scaling import Part, resized
from esrgan_train.remote.url import Location

MAX_LOOKED_AT = 1000  # photos before training; a fraction of a second on a disk, some seconds over a network


class Decoded(NamedTuple):
    """A photo's pixels, (H, W, 3) RGB of 8 or 16 bits, and its LR side if there is one.

    A source that holds the photo at further scales gives them in ``scaled``, each as ``resized`` makes it.
    """

    hr: Picture
    lr: Picture | None = None
    scaled: Mapping[float, Picture] = MappingProxyType({})

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) at scale 1."""
        return self.hr.shape[0], self.hr.shape[1]

    def part(self, scale: float, part: Part) -> Picture:
        """Rows and columns of the photo at ``scale``; no more of it is read than these need."""
        stored = self.scaled.get(scale)
        return resized(self.hr, scale, part) if stored is None else stored[part]


class Source(ABC):
    """Numbered photos: a source must give their number, names and pixels; the rest has defaults."""

    paired = False  # whether it gives LR of each photo; HR is then exactly ``upscale`` times as large

    @abstractmethod
    def __len__(self) -> int:
        """The number of photos, at least one."""

    @abstractmethod
    def name(self, index: int) -> str:
        """What the photo is called in messages, previews and digests."""

    @abstractmethod
    def decode(self, index: int) -> Decoded:
        """The photo's pixels; ``UnreadableImageError`` if it cannot be read."""

    def header(self, index: int) -> Header:
        """The photo's size, for the first look; override it where that needs no decoding."""
        height, width = self.decode(index).hr.shape[:2]
        return Header((width, height), several=False)

    def place(self, index: int) -> str:
        """Where the photo is, for messages."""
        return self.name(index)

    def describe(self) -> str:
        """Where the photos come from, for people."""
        return type(self).__name__

    def remarks(self, scales: Sequence[float]) -> tuple[str, ...]:  # noqa: ARG002
        """What is worth saying of samples at these scales; logged once per run."""
        return ()

    @property
    def kinds(self) -> tuple[Source, ...]:
        """Itself; where it holds photos and pairs, a source of each, numbered one after the other."""
        return (self,)

    @property
    def has_pairs(self) -> bool:
        """Whether it gives LR of any photo."""
        return any(kind.paired for kind in self.kinds)

    @property
    def has_photos(self) -> bool:
        """Whether LR of any photo has to be made."""
        return not all(kind.paired for kind in self.kinds)

    @property
    def folders(self) -> tuple[Location, ...]:
        """The folders that hold them, if any."""
        return ()

    @property
    def packing(self) -> tuple[str, ...]:
        """What ``esrgan_train.prepare`` takes to decode the photos once for all; empty if that is no help."""
        return ()

    @property
    def runs(self) -> tuple[Run, ...]:
        """Successive photos that are taken together; empty if all photos are taken in any order."""
        return ()

    @property
    def order(self) -> str:
        """In which the photos are taken, for the fingerprint."""
        return "shards" if self.runs else "photos"

    def photo_of(self, seed: int, n: int) -> int:
        """The photo of sample ``n``; by default each epoch shows every photo once."""
        return photo_index(seed, n, len(self), runs=self.runs)

    def replacement_of(self, seed: int, n: int, attempt: int, rng: np.random.Generator) -> int:  # noqa: ARG002
        """Another photo for a sample whose photo cannot be read."""
        return int(rng.integers(len(self)))

    def raw_names(self) -> Iterable[bytes | memoryview]:
        """The bytes of all names, in order."""
        return (self.name(index).encode("utf-8", "surrogateescape") for index in range(len(self)))

    def raw_photos(self) -> Iterable[bytes | memoryview]:
        """The same, but alike for parts of one photo, which are held out together."""
        return self.raw_names()

    def report(self) -> None:  # noqa: B027 — most have nothing to say
        """Log what went wrong in reading without being a failure; the main process calls it after each batch."""

    def file_size(self, index: int) -> int:  # noqa: ARG002
        """Bytes of the photo's file, which show whether it has changed."""
        return 0


class Sources(NamedTuple):
    """What a function named by ``data._target_`` returns."""

    training: Source
    validation: Source
    remarks: tuple[str, ...] = ()  # about the photos; logged once per run


def spread(count: int) -> Iterator[int]:
    """Up to ``MAX_LOOKED_AT`` of ``count`` positions, evenly spread."""
    return map(int, np.linspace(0, count - 1, min(count, MAX_LOOKED_AT)).astype(int))


def counted(source: Source) -> str:
    """How many photos and pairs, for people."""
    words = ((len(kind), "pair" if kind.paired else "photo") for kind in source.kinds)
    return " and ".join(f"{count:,} {word}{'s' * (count != 1)}" for count, word in words)


def looked_at(source: Source) -> Iterator[int]:
    """The numbers of the photos that are looked at before training: up to ``MAX_LOOKED_AT`` of each kind."""
    start = 0
    for kind in source.kinds:
        yield from (start + index for index in spread(len(kind)))
        start += len(kind)


def digest_of_names(*sources: Source) -> str:
    """Sixteen hexadecimal digits of all names in order; they do not depend on where the folders are."""
    return _digest(name for source in sources for name in source.raw_names())


def digest_of_sizes(*sources: Source) -> str:
    """Sixteen hexadecimal digits of the sizes of the files of each source that are looked at."""
    sizes = (source.file_size(index) for source in sources for index in looked_at(source))
    return _digest(str(size).encode() for size in sizes)


def _digest(parts: Iterable[bytes | memoryview]) -> str:
    digest = blake2b(digest_size=8)
    for part in parts:
        digest.update(part)
        digest.update(b"\0")
    return digest.hexdigest()
