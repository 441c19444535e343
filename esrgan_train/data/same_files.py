"""Files that are trained on and held out under two names."""

from __future__ import annotations

import filecmp
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from esrgan_train.data.sources import Source, looked_at

_MOST_COMPARED = 20  # files of equal size, of which the beginning is read
_BEGINNING = 2**16  # bytes


def same_files(training: Source, held_out: Source) -> list[tuple[int, int]]:
    """The numbers (trained on, held out) of files with the same bytes, among those looked at before training.

    The files of each source are compared by size, and the first few equal ones by content.
    """
    found = islice(_equally_large(training, held_out), _MOST_COMPARED)
    return [pair for pair in found if _same(Path(training.place(pair[0])), Path(held_out.place(pair[1])))]


def _equally_large(training: Source, held_out: Source) -> Iterator[tuple[int, int]]:
    by_size: dict[int, list[int]] = {}
    for index in looked_at(training):
        by_size.setdefault(training.file_size(index), []).append(index)
    for other in looked_at(held_out):
        if (size := held_out.file_size(other)) > 0:  # else there is no file
            yield from ((index, other) for index in by_size.get(size, ()))


def _same(one: Path, other: Path) -> bool:
    try:
        with one.open("rb") as first, other.open("rb") as second:
            if first.read(_BEGINNING) != second.read(_BEGINNING):
                return False
        return filecmp.cmp(one, other, shallow=False)
    except OSError:  # which is reported where photos are read
        return False
