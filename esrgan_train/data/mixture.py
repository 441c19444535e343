"""Photographs of one or several folders as one numbered set, and the order in which samples take them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from hashlib import blake2b
from pathlib import Path

import numpy as np

from esrgan_train.data.stream import folder_turn, photo_index
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable

_MOST_TURNS = 10_000  # samples after which the folders' shares are exact
_SAME_FOLDER_ATTEMPTS = 8  # a sample's replacements are sought in its own folder first


class Mixture:
    """Photos numbered through the folders, in their order.

    Args:
        tables: the photos of each folder; at least one photo in all, and in each folder if there are turns.
        turns: how many of every sum(turns) samples come from each folder. None takes the folders for one:
            each epoch shows every photo once.
    """

    def __init__(self, tables: Sequence[PathTable], turns: Sequence[int] | None = None) -> None:
        assert turns is None or len(turns) == len(tables), (turns, len(tables))
        self.tables = tuple(tables)
        self.turns = None if turns is None or len(turns) == 1 else tuple(turns)
        self._ends = np.cumsum([0, *map(len, tables)], dtype=np.int64)
        names = [table.root.name for table in tables]
        unique = len(set(names)) == len(names)
        self._labels = [name if unique else str(table.root) for name, table in zip(names, tables, strict=True)]

    @classmethod
    def of(cls, photos: PathTable | Mixture) -> Mixture:
        """``photos`` itself, or its single folder as a mixture."""
        return photos if isinstance(photos, Mixture) else cls([photos])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, index: int) -> Path:
        folder, inside = self._place(index)
        return self.tables[folder][inside]

    def __iter__(self) -> Iterator[Path]:
        return (path for table in self.tables for path in table)

    def relative(self, index: int) -> str:
        """The POSIX path below its folder, which is named before it if there are several."""
        folder, inside = self._place(index)
        name = self.tables[folder].relative(inside)
        return name if len(self.tables) == 1 else f"{self._labels[folder]}/{name}"

    def photo_of(self, seed: int, n: int) -> int:
        """The photo that sample ``n`` takes."""
        if self.turns is None:
            return photo_index(seed, n, len(self))
        folder, taken = folder_turn(seed, n, self.turns)
        return int(self._ends[folder]) + photo_index(seed, taken, len(self.tables[folder]), folder)

    def replacement_of(self, seed: int, n: int, attempt: int, rng: np.random.Generator) -> int:
        """Another photo for a sample whose photo cannot be read: from its folder, after some attempts from any."""
        if self.turns is None or attempt > _SAME_FOLDER_ATTEMPTS:
            return int(rng.integers(len(self)))
        folder, _ = folder_turn(seed, n, self.turns)
        return int(self._ends[folder] + rng.integers(len(self.tables[folder])))

    def describe(self) -> str:
        """The folders, with the share of samples that each has, if that is chosen."""
        if self.turns is None:
            return " and ".join(str(table.root) for table in self.tables)
        total = sum(self.turns)
        shares = zip(self.tables, self.turns, strict=True)
        return " and ".join(f"{table.root} ({turns} of {total} samples)" for table, turns in shares)

    def _place(self, index: int) -> tuple[int, int]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} of {len(self)} photos")
        index %= len(self)
        folder = int(np.searchsorted(self._ends, index, side="right")) - 1
        return folder, index - int(self._ends[folder])


def digest_of_names(*mixtures: Mixture) -> str:
    """Sixteen hexadecimal digits that depend on every name and the order, not on where the folders lie."""
    digest = blake2b(digest_size=8)
    for mixture in mixtures:
        for table in mixture.tables:
            for raw in table.raw():
                digest.update(raw)
                digest.update(b"\0")
    return digest.hexdigest()


def digest_of_sizes(*mixtures: Mixture, most: int) -> str:
    """Sixteen hexadecimal digits that depend on the bytes of up to ``most`` files, spread evenly, of each."""
    digest = blake2b(digest_size=8)
    for mixture in mixtures:
        for index in np.linspace(0, len(mixture) - 1, min(len(mixture), most)).astype(int):
            try:
                size = mixture[int(index)].stat().st_size
            except OSError:  # named where photos are read
                size = -1
            digest.update(f"{size}\0".encode())
    return digest.hexdigest()


def turns_of(weights: Sequence[float], *, option: str) -> tuple[int, ...]:
    """Weights as the smallest whole numbers of the same ratio: 3 and 1.5 become 2 and 1.

    Raises:
        UserError: a weight that is not a number above 0, or weights whose ratio takes too large numbers.
    """
    for weight in weights:
        right = isinstance(weight, (int, float)) and not isinstance(weight, bool) and 0 < weight < math.inf
        if not right:
            raise UserError(f"{option}: {weight!r} is no weight: give a number above 0, or leave the folder out")
    exact = [Fraction(str(weight)) for weight in weights]
    scale = math.lcm(*(fraction.denominator for fraction in exact))
    whole = [int(fraction * scale) for fraction in exact]
    turns = tuple(number // math.gcd(*whole) for number in whole)
    if sum(turns) > _MOST_TURNS:
        given = ", ".join(str(weight) for weight in weights)
        raise UserError(
            f"{option}: the weights {given} are exact only after {sum(turns):,} samples, the limit is "
            f"{_MOST_TURNS:,}: give rounder ones, such as 3 and 1"
        )
    return turns
