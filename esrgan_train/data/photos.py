"""Photos in folders, and the order in which samples take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from esrgan_train.data.sources import Decoded, Source
from esrgan_train.data.stream import folder_turn, photo_index
from esrgan_train.images.decode import Header, decode, read_header
from esrgan_train.images.find import PathTable

_SAME_FOLDER_ATTEMPTS = 8  # a sample's replacements are sought in its own folder first


class Photos(Source):
    """Photo files, numbered through the folders.

    Args:
        tables: the photos of each folder; at least one photo in all, and in each folder if there are turns.
        turns: how many of every sum(turns) samples come from each folder; None treats the folders as one.
    """

    def __init__(self, *tables: PathTable, turns: Sequence[int] | None = None) -> None:
        self.tables = tables
        self.turns = None if turns is None or len(turns) == 1 else tuple(turns)
        self._ends = np.cumsum([0, *map(len, tables)], dtype=np.int64)
        names = [table.root.name for table in tables]
        unique = len(set(names)) == len(names)
        self._labels = [name if unique else str(table.root) for name, table in zip(names, tables, strict=True)]

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int) -> Path:
        folder, inside = self._locate(index)
        return self.tables[folder][inside]

    def decode(self, index: int) -> Decoded:
        """The photo's pixels."""
        return Decoded(decode(self[index]))

    def header(self, index: int) -> Header:
        """What the file says before it is decoded."""
        return read_header(self[index])

    def name(self, index: int) -> str:
        """The POSIX path below its folder; with several folders, after the folder's name."""
        folder, inside = self._locate(index)
        name = self.tables[folder].relative(inside)
        return name if len(self.tables) == 1 else f"{self._labels[folder]}/{name}"

    def place(self, index: int) -> str:
        """The file's path."""
        return str(self[index])

    def describe(self) -> str:
        """The folders, with the share of samples of each if they are weighted."""
        if self.turns is None:
            return " and ".join(map(str, self.folders))
        total = sum(self.turns)
        shares = zip(self.folders, self.turns, strict=True)
        return " and ".join(f"{folder} ({turns} of {total} samples)" for folder, turns in shares)

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders, in order."""
        return tuple(table.root for table in self.tables)

    @property
    def packing(self) -> tuple[str, ...]:
        """The folders."""
        return tuple(map(str, self.folders))

    def photo_of(self, seed: int, n: int) -> int:
        """The photo that sample ``n`` takes."""
        if self.turns is None:
            return super().photo_of(seed, n)
        folder, taken = folder_turn(seed, n, self.turns)
        return int(self._ends[folder]) + photo_index(seed, taken, len(self.tables[folder]), folder)

    def replacement_of(self, seed: int, n: int, attempt: int, rng: np.random.Generator) -> int:
        """Another photo from the same folder; after some attempts from any."""
        if self.turns is None or attempt > _SAME_FOLDER_ATTEMPTS:
            return super().replacement_of(seed, n, attempt, rng)
        folder, _ = folder_turn(seed, n, self.turns)
        return int(self._ends[folder] + rng.integers(len(self.tables[folder])))

    def raw_names(self) -> Iterator[memoryview]:
        """The bytes of each path below its folder, without a string for each."""
        return chain.from_iterable(table.raw() for table in self.tables)

    def file_size(self, index: int) -> int:
        """Bytes of the file; -1 if it is missing, which is reported when photos are read."""
        try:
            return self[index].stat().st_size
        except OSError:
            return -1

    def _locate(self, index: int) -> tuple[int, int]:
        assert 0 <= index < len(self), index
        folder = int(np.searchsorted(self._ends, index, side="right")) - 1
        return folder, index - int(self._ends[folder])
