"""Photos of a packed set, which ``esrgan_train.prepare`` writes: read without decoding."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esrgan_train.commands import command
from esrgan_train.data.packed_layout import (
    MARKER,
    NAMES,
    RECORDS,
    TILE_MARK,
    UNFINISHED,
    VERSION,
    Layout,
    shard_name,
)
from esrgan_train.data.photos import FolderSource
from esrgan_train.data.reading import Reading
from esrgan_train.data.shards import Entry, MappedFiles, RemoteFiles, SetFiles, Shards
from esrgan_train.data.sources import Decoded
from esrgan_train.data.stream import Run
from esrgan_train.errors import UserError
from esrgan_train.images.decode import Header
from esrgan_train.images.find import PathTable
from esrgan_train.remote.store import UnreachableError
from esrgan_train.remote.url import Url, location


class PackedPhotos(FolderSource):
    """The photos of a set; pairs where the set holds LR sides.

    In a folder, a photo's pixels are mapped when it is asked for and let go with the result. So the memory of a
    process does not grow with what it has seen, and processes share the pages. Behind an address they are read
    when a part of them is asked for.
    """

    def __init__(
        self,
        shards: Shards,
        table: PathTable,
        records: NDArray[Any],
        layout: Layout,
        *,
        tiled: bool = False,
        lengths: Sequence[int] = (),
    ) -> None:
        super().__init__(table)
        self.shards = shards
        self.lengths = lengths  # of the shards, if photos are taken shard by shard
        self.records = records  # as RECORD
        self.layout = layout
        self.paired = layout.upscale is not None
        self.tiled = tiled

    def subset(self, indices: Iterable[int]) -> PackedPhotos:
        """The photos at ``indices``, in that order."""
        chosen = np.fromiter(indices, dtype=np.int64)
        table, records = self.table.subset(chosen), self.records[chosen]
        return PackedPhotos(self.shards, table, records, self.layout, tiled=self.tiled, lengths=self.lengths)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The photos of each shard."""
        counts = np.bincount(self.records["shard"], minlength=len(self.lengths)).tolist() if self.lengths else []
        return tuple(Run(count, size) for count, size in zip(counts, self.lengths, strict=True) if count)

    def raw_photos(self) -> Iterator[bytes | memoryview]:
        """The bytes of the name of the photo that each is, or is a tile of."""
        names = self.raw_names()
        return (bytes(name).rpartition(TILE_MARK.encode())[0] for name in names) if self.tiled else iter(names)

    def decode(self, index: int) -> Decoded:
        """The photo, and what the set holds of it besides: views of a mapped file, or what reads their parts."""
        record = self.records[index]
        size, depth = (int(record["height"]), int(record["width"])), int(record["depth"])
        length = self.layout.length(size, depth)
        entry = Entry(self.place(index), int(record["shard"]), int(record["offset"]), length, depth)
        hr, *others = self.shards.pictures(entry, self.layout.planes(size, depth))
        if self.paired:
            return Decoded(hr, lr=others[0])
        return Decoded(hr, scaled=dict(zip(self.layout.scales, others, strict=True)))

    def header(self, index: int) -> Header:
        """The photo's size."""
        record = self.records[index]
        return Header((int(record["width"]), int(record["height"])), several=False)

    def place(self, index: int) -> str:
        """The photo's name and its set."""
        return f"{self.name(index)} in {self.table.root}"

    def report(self) -> None:
        """Log what went wrong in reading without being a failure."""
        self.shards.report()

    def file_size(self, index: int) -> int:
        """Bytes of the file that the photo came from."""
        return int(self.records[index]["file_size"])

    def remarks(self, scales: Sequence[float]) -> tuple[str, ...]:
        """Names the scales that the set does not hold."""
        missing = [] if self.paired else sorted({*scales} - {1, *self.layout.scales}, reverse=True)
        if not missing:
            return ()
        named, wanted = (", ".join(f"{scale:g}" for scale in some) for some in (missing, scales))
        again = command("esrgan_train.prepare", "PHOTOS", "-o", "NEW", "--scales", *(f"{s:.16g}" for s in scales))
        return (
            f"{self.table.root} does not hold scale {named} of data.scales=[{wanted}]: such windows are resized "
            f"while training; pack the photos again with {again}",
        )


def is_packed(folder: str | Path) -> bool:
    """Whether a folder is a packed set, or is to become one; what lies behind an address can be nothing else."""
    place = location(folder)
    return isinstance(place, Url) or (place / MARKER).is_file() or (place / UNFINISHED).is_dir()


def open_packed(folder: str | Path, *, option: str, reading: Reading | None = None) -> PackedPhotos:
    """The photos of the set ``folder``, a folder or an address, which comes from ``option``.

    Raises:
        UserError: the set is unfinished, damaged, cannot be reached, or is of a version that is not known.
    """
    place, reading = location(folder), reading or Reading()
    files: SetFiles = (
        RemoteFiles(reading.store(place), reading.cache) if isinstance(place, Url) else MappedFiles(place)
    )
    given = f"{option}={place}"
    described = _described(files, given)
    try:
        if (version := described["version"]) != VERSION:
            raise UserError(
                f"{given} is a packed set of version {version}, this program reads version {VERSION}: "
                "pack the photos again"
            )
        records, names = files.table(RECORDS), files.table(NAMES)
        layout = Layout(tuple(described["scales"]), described["upscale"])
        wrong = files.wrong(described["shards"])
    except UserError:  # which is a ValueError too
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(error, given) from error
    if wrong is not None:
        raise UserError(
            f"{given} is a damaged packed set: {shard_name(wrong)} does not have the "
            f"{described['shards'][wrong]:,} bytes that it had: copy the set again, or pack the photos again"
        )
    table = PathTable.of(files.root, names, records["name_end"])
    identity = blake2b(json.dumps(described).encode() + records.tobytes(), digest_size=16).hexdigest()
    shards = files.shards(described["shards"], identity)
    by_shards = reading.by_shards(files.root)
    return PackedPhotos(
        shards,
        table,
        records,
        layout,
        tiled=described["options"]["tile"] is not None,
        lengths=described["shards"] if by_shards else (),
    )


def _described(files: SetFiles, given: str) -> Any:
    """What the mark of a set says of it."""
    try:
        return json.loads(files.text(MARKER))
    except FileNotFoundError as error:
        raise UserError(
            f"{given} is a packed set that is not finished: give the command that packs it once more, and it goes "
            "on"
        ) from error
    except UnreachableError as error:
        if error.missing:
            raise UserError(
                f"{given} holds no finished packed set ({error}): what lies behind an address must be one, see "
                f"{command('esrgan_train.prepare', '--help')}"
            ) from error
        raise _damaged(error, given) from error
    except (OSError, ValueError) as error:
        raise _damaged(error, given) from error


def _damaged(error: Exception, given: str) -> UserError:
    if isinstance(error, UnreachableError) and not error.missing:
        return UserError(f"{given} cannot be read ({error}): check the address, the network and the credentials")
    what = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else f"{error!r}"
    return UserError(f"{given} is a damaged packed set ({what}): pack the photos again")
