"""Photos in folders, and the order in which samples take them from several."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from esrgan_train.data.sources import Decoded, Source
from esrgan_train.data.stream import Run, folder_turn, photo_index
from esrgan_train.images.decode import Header, decode, read_header
from esrgan_train.images.find import PathTable
from esrgan_train.remote.url import Location

_SAME_FOLDER_ATTEMPTS = 8  # a sample's replacements are sought in its own folder first


class FolderSource(Source):
    """Photos that lie in one folder, named by their paths below it."""

    def __init__(self, table: PathTable) -> None:
        self.table = table

    def __len__(self) -> int:
        return len(self.table)

    @abstractmethod
    def subset(self, indices: Iterable[int]) -> FolderSource:
        """The photos at ``indices``, in that order."""

    def name(self, index: int) -> str:
        """The POSIX path below the folder."""
        return self.table.relative(index)

    def place(self, index: int) -> str:
        """The file's path."""
        return str(self.table[index])

    def describe(self) -> str:
        """The folder."""
        return str(self.table.root)

    @property
    def folders(self) -> tuple[Location, ...]:
        """The folder."""
        return (self.table.root,)

    def raw_names(self) -> Iterator[memoryview]:
        """The bytes of each path below the folder, without a string for each."""
        return self.table.raw()


class Photos(FolderSource):
    """Photo files."""

    def __getitem__(self, index: int) -> Path:
        return self.table[index]

    def subset(self, indices: Iterable[int]) -> Photos:
        """The photos at ``indices``, in that order."""
        return type(self)(self.table.subset(indices))

    def decode(self, index: int) -> Decoded:
        """The photo's pixels."""
        return Decoded(decode(self[index]))

    def header(self, index: int) -> Header:
        """What the file says before it is decoded."""
        return read_header(self[index])

    @property
    def packing(self) -> tuple[str, ...]:
        """The folder."""
        return (str(self.table.root),)

    def file_size(self, index: int) -> int:
        """Bytes of the file; -1 if it is missing, which is reported when photos are read."""
        try:
            return self[index].stat().st_size
        except OSError:
            return -1


class Joined(Source):
    """Several sources numbered through, each called after its folder.

    Args:
        parts: at least one photo in all, and in each part if there are turns.
        turns: how many of every sum(turns) samples come from each part; None treats all photos alike.
    """

    def __init__(self, parts: Sequence[Source], *, turns: Sequence[int] | None = None) -> None:
        self.parts = tuple(parts)
        self.turns = None if turns is None else tuple(turns)
        self.paired = parts[0].paired
        self._ends = np.cumsum([0, *map(len, parts)], dtype=np.int64)
        folders = [part.folders[0] for part in parts]
        unique = len({folder.name for folder in folders}) == len(folders)
        self._labels = [folder.name if unique else str(folder) for folder in folders]

    def __len__(self) -> int:
        return int(self._ends[-1])

    def decode(self, index: int) -> Decoded:
        """The photo's pixels."""
        return self._ask("decode", index)  # type: ignore[no-any-return]

    def header(self, index: int) -> Header:
        """What is known before decoding."""
        return self._ask("header", index)  # type: ignore[no-any-return]

    def place(self, index: int) -> str:
        """Where the photo is."""
        return self._ask("place", index)  # type: ignore[no-any-return]

    def file_size(self, index: int) -> int:
        """Bytes of the photo's file."""
        return self._ask("file_size", index)  # type: ignore[no-any-return]

    def name(self, index: int) -> str:
        """Its name in its part, after the folder's."""
        part, inside = self._locate(index)
        return f"{self._labels[part]}/{self.parts[part].name(inside)}"

    def describe(self) -> str:
        """The parts, with the share of samples of each if they are weighted."""
        described = [part.describe() for part in self.parts]
        if self.turns is None:
            return " and ".join(described)
        total = sum(self.turns)
        shares = zip(described, self.turns, strict=True)
        return " and ".join(f"{part} ({turns} of {total} samples)" for part, turns in shares)

    def remarks(self, scales: Sequence[float]) -> tuple[str, ...]:
        """Those of all parts."""
        return tuple(chain.from_iterable(part.remarks(scales) for part in self.parts))

    def report(self) -> None:
        """Log what went wrong in any part."""
        for part in self.parts:
            part.report()

    @property
    def folders(self) -> tuple[Location, ...]:
        """Those of all parts."""
        return tuple(chain.from_iterable(part.folders for part in self.parts))

    @property
    def packing(self) -> tuple[str, ...]:
        """What of the parts can be packed."""
        return tuple(chain.from_iterable(part.packing for part in self.parts))

    def raw_names(self) -> Iterator[bytes | memoryview]:
        """Those of all parts."""
        return chain.from_iterable(part.raw_names() for part in self.parts)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Those of all parts, if each part has some."""
        of_parts = [part.runs for part in self.parts]
        return tuple(chain.from_iterable(of_parts)) if all(of_parts) else ()

    @property
    def order(self) -> str:
        """That of each part."""
        orders = [part.order for part in self.parts]
        if self.turns is None:
            orders = ["shards" if self.runs else "photos"]
        return ", ".join(orders) if len({*orders}) > 1 else orders[0]

    def photo_of(self, seed: int, n: int) -> int:
        """The photo that sample ``n`` takes."""
        if self.turns is None:
            return super().photo_of(seed, n)
        part, taken = folder_turn(seed, n, self.turns)
        source = self.parts[part]
        return int(self._ends[part]) + photo_index(seed, taken, len(source), part, source.runs)

    def replacement_of(self, seed: int, n: int, attempt: int, rng: np.random.Generator) -> int:
        """Another photo from the same part; after some attempts from any."""
        if self.turns is None or attempt > _SAME_FOLDER_ATTEMPTS:
            return super().replacement_of(seed, n, attempt, rng)
        part, _ = folder_turn(seed, n, self.turns)
        return int(self._ends[part] + rng.integers(len(self.parts[part])))

    def _ask(self, what: str, index: int) -> Any:
        part, inside = self._locate(index)
        return getattr(self.parts[part], what)(inside)

    def _locate(self, index: int) -> tuple[int, int]:
        assert 0 <= index < len(self), index
        part = int(np.searchsorted(self._ends, index, side="right")) - 1
        return part, index - int(self._ends[part])


def join(parts: Sequence[Source], *, turns: Sequence[int] | None = None) -> Source:
    """The parts as one source; a single one stays itself."""
    return parts[0] if len(parts) == 1 else Joined(parts, turns=turns)
