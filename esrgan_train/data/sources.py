"""Where photos come from: a source gives the pixels of each, by number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np

from esrgan_train.data.stream import photo_index
from esrgan_train.images.decode import Header, Picture

MAX_LOOKED_AT = 1000  # photos before training; a fraction of a second on a disk, some seconds over a network


class Decoded(NamedTuple):
    """A photo's pixels, (H, W, 3) RGB of 8 or 16 bits, and its LR side where that exists already."""

    hr: Picture
    lr: Picture | None = None


class Source(ABC):
    """Numbered photos. Length, names and pixels are all that a source must give.

    Its ``paired`` says whether it gives both sides: those of a pair must fit exactly, HR being ``upscale`` times
    as large as LR.
    """

    paired = False

    @abstractmethod
    def __len__(self) -> int:
        """How many photos there are; at least one."""

    @abstractmethod
    def name(self, index: int) -> str:
        """What the photo is called in messages, previews and digests."""

    @abstractmethod
    def decode(self, index: int) -> Decoded:
        """The photo's pixels; ``UnreadableImageError`` if there are none."""

    def header(self, index: int) -> Header:
        """The photo's size, for the first look at up to 1000 photos; worth a faster way than decoding it."""
        height, width = self.decode(index).hr.shape[:2]
        return Header((width, height), several=False)

    def place(self, index: int) -> str:
        """Where the photo lies, for messages."""
        return self.name(index)

    def describe(self) -> str:
        """Where the photos come from, for people."""
        return type(self).__name__

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders they lie in, if they do."""
        return ()

    def photo_of(self, seed: int, n: int) -> int:
        """The photo that sample ``n`` takes; by default each epoch shows every photo once."""
        return photo_index(seed, n, len(self))

    def replacement_of(self, seed: int, n: int, attempt: int, rng: np.random.Generator) -> int:  # noqa: ARG002
        """Another photo for a sample whose photo cannot be read."""
        return int(rng.integers(len(self)))

    def raw_names(self) -> Iterable[bytes | memoryview]:
        """The bytes of all names, in order."""
        return (self.name(index).encode("utf-8", "surrogateescape") for index in range(len(self)))

    def file_size(self, index: int) -> int:  # noqa: ARG002
        """Bytes of the photo's file, by which a change is noticed."""
        return 0


class Sources(NamedTuple):
    """What a function named by ``data._target_`` returns."""

    training: Source
    validation: Source
    remarks: tuple[str, ...] = ()  # about the photos; logged once per run


def spread(count: int) -> Iterator[int]:
    """Up to ``MAX_LOOKED_AT`` of ``count`` positions, evenly spread."""
    return map(int, np.linspace(0, count - 1, min(count, MAX_LOOKED_AT)).astype(int))


def digest_of_names(*sources: Source) -> str:
    """Sixteen hexadecimal digits that depend on every name and the order, not on where the folders lie."""
    digest = blake2b(digest_size=8)
    for source in sources:
        for raw in source.raw_names():
            digest.update(raw)
            digest.update(b"\0")
    return digest.hexdigest()


def digest_of_sizes(*sources: Source) -> str:
    """Sixteen hexadecimal digits that depend on the bytes of up to ``MAX_LOOKED_AT`` files of each source."""
    digest = blake2b(digest_size=8)
    for source in sources:
        for index in spread(len(source)):
            digest.update(f"{source.file_size(index)}\0".encode())
    return digest.hexdigest()
