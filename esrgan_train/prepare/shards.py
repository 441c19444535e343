"""The shards of a set: which photos go into which, and writing one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from esrgan_train.data.packed_layout import SHARD_HEADER, UNFINISHED, shard_header, shard_name, whole_pages
from esrgan_train.data.sources import Decoded, Source
from esrgan_train.images.decode import UnreadableImageError
from esrgan_train.prepare.manifest import Row
from esrgan_train.prepare.options import Options, Size
from esrgan_train.prepare.pieces import pieces
from esrgan_train.prepare.target import Target
from esrgan_train.screening.scores import measure
from esrgan_train.screening.verdict import complaints

_SMALLEST, _LARGEST = 2**26, 2**30  # bytes
_MOST = 64  # shards, between these sizes: enough to share the work between many cores
_CHUNK = 2**24  # bytes copied at once


class Expected(NamedTuple):
    """What the header of a photo tells."""

    size: Size  # (0, 0) if it cannot be read
    depth: int  # bytes of a sample


class Entry(NamedTuple):
    """One record of a set, without its shard: see ``packed_layout.RECORD``."""

    photo: int  # the place of its row in the shard
    name: str
    offset: int
    height: int
    width: int
    depth: int
    file_size: int


@dataclass(frozen=True)
class Written:
    """What a shard holds: a row for each of its photos, and its entries."""

    rows: list[Row]
    entries: list[Entry]


def plan(photos: Sequence[Expected], options: Options) -> tuple[list[range], list[int]]:
    """Successive photos of each shard, and its bytes if nothing is left out; a function of its arguments alone."""
    lengths = [
        sum(options.layout.length(each, depth) for each in options.entry_sizes(size)) for size, depth in photos
    ]
    limit = shard_limit(sum(lengths))
    shards, filled, start = [], [], 0
    held = 0
    for number, length in enumerate(lengths):
        if held and held + length > limit:
            shards.append(range(start, number))
            filled.append(held)
            start, held = number, 0
        held += length
    return [*shards, range(start, len(lengths))], [*filled, held]


def shard_limit(total: int) -> int:
    """Bytes that a shard of a set of ``total`` bytes does not exceed, unless one photo does."""
    return min(max(total // _MOST, _SMALLEST), _LARGEST)


@dataclass(frozen=True)
class ShardJob:
    """One shard to write: photos of a source into a set."""

    number: int
    photos: range
    source: Source
    options: Options
    target: Target

    @property
    def file(self) -> str:
        """The shard of the finished set."""
        return shard_name(self.number)

    @property
    def raw(self) -> str:
        """The shard with all that was made, until it is known which photos resemble each other."""
        return f"{UNFINISHED}/{self.file}"

    @property
    def note(self) -> str:
        """What ``raw`` holds; it exists only once that is complete."""
        return f"{self.raw.removesuffix('.npy')}.json"

    def done(self) -> bool:
        """Whether all photos of the shard are packed."""
        holds = self.target.holds
        return holds(self.note) and (holds(self.raw) or holds(self.file))

    def read(self) -> Written:
        """What was made of the photos."""
        noted = self.target.read_json(self.note)
        return Written([Row(**row) for row in noted["rows"]], [Entry(*entry) for entry in noted["entries"]])

    def write(self, count: Callable[[], object]) -> None:
        """Pack the photos, then write the note; one photo is held at a time. ``count`` is called after each."""
        rows: list[Row] = []
        entries: list[Entry] = []
        with self.target.writing(self.raw) as partial, partial.open("wb") as shard:
            shard.seek(SHARD_HEADER)
            for place, index in enumerate(self.photos):
                row, made = self._add(shard, place, index)
                rows.append(row)
                entries += made
                count()
            _add_header(shard)
        noted: dict[str, Any] = {"rows": [asdict(row) for row in rows], "entries": entries}
        self.target.write_json(self.note, noted)

    def settle(self, kept: Sequence[Entry]) -> list[Entry]:
        """Put the shard in its place with the entries that are ``kept`` alone; returns them as they now lie."""
        everything = self.read().entries
        if not self.target.holds(self.file):
            if len(kept) == len(everything):
                self.target.move(self.raw, self.file)
            else:
                self._copy(kept)
        self.target.remove(self.raw)  # it is still there after a kill between copying and this
        settled, offset = [], 0
        for entry in kept:
            settled.append(entry._replace(offset=offset))
            offset += self._length(entry)
        return settled

    def _copy(self, entries: Iterable[Entry]) -> None:
        with (
            self.target.reading(self.raw) as everything,
            everything.open("rb") as raw,
            self.target.writing(self.file) as partial,
            partial.open("wb") as shard,
        ):
            shard.seek(SHARD_HEADER)
            for entry in entries:
                raw.seek(SHARD_HEADER + entry.offset)
                left = self._length(entry)
                while left:
                    left -= shard.write(raw.read(min(left, _CHUNK)))
            _add_header(shard)

    def _length(self, entry: Entry) -> int:
        return self.options.layout.length((entry.height, entry.width), entry.depth)

    def _add(self, shard: BinaryIO, place: int, index: int) -> tuple[Row, list[Entry]]:
        name = self.source.name(index)
        try:
            photo = self.source.decode(index)
        except UnreadableImageError as error:
            return Row(name=name, status="unreadable", reason=str(error)), []
        row = self._judge(name, index, photo)
        made: list[Entry] = []
        if row.status != "left out":
            for piece in pieces(photo, self.options):
                height, width, _ = piece.hr.shape
                offset, depth = shard.tell() - SHARD_HEADER, piece.hr.itemsize
                file_size = self.source.file_size(index)
                made.append(Entry(place, name + piece.mark, offset, height, width, depth, file_size))
                for plane in piece.planes(self.options):
                    pixels = np.ascontiguousarray(plane, dtype="<u2" if depth == 2 else np.uint8)
                    shard.write(pixels.data)
                    shard.write(bytes(whole_pages(pixels.nbytes) - pixels.nbytes))
            if not made:
                row = _replaced(row, status="left out", reason="flat: no part of it has enough detail")
        return _replaced(row, entries=len(made)), made

    def _judge(self, name: str, index: int, photo: Decoded) -> Row:
        file = Path(self.source.place(index))
        scores = measure(photo.hr, file if file.is_file() else None)
        found = complaints(scores)
        dropped = any(each.kind in self.options.drop for each in found)
        return Row.scored(
            scores,
            name=name,
            status="left out" if dropped else "reported" if found else "kept",
            reason="; ".join(each.reason for each in found),
            width=photo.hr.shape[1],
            height=photo.hr.shape[0],
            bits=8 * photo.hr.itemsize,
        )


def _replaced(row: Row, **changed: Any) -> Row:
    return Row(**(asdict(row) | changed))


def _add_header(shard: BinaryIO) -> None:
    length = shard.tell() - SHARD_HEADER
    shard.seek(0)
    shard.write(shard_header(length))
