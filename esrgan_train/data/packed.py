"""Photos of a packed set, which ``esrgan_train.prepare`` writes: read without decoding."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from esrgan_train.commands import command
from esrgan_train.data.packed_layout import (
    MARKER,
    NAMES,
    RECORDS,
    SHARD_HEADER,
    TILE_MARK,
    UNFINISHED,
    VERSION,
    Layout,
    shard_name,
)
from esrgan_train.data.photos import FolderSource
from esrgan_train.data.sources import Decoded
from esrgan_train.errors import UserError
from esrgan_train.images.decode import Header, UnreadableImageError
from esrgan_train.images.find import PathTable


class PackedPhotos(FolderSource):
    """The photos of a set; pairs where the set holds LR sides.

    A photo's pixels are mapped when it is asked for and let go with the result. So the memory of a process does
    not grow with what it has seen, and processes share the pages.
    """

    def __init__(self, table: PathTable, records: NDArray[Any], layout: Layout, *, tiled: bool = False) -> None:
        super().__init__(table)
        self.records = records  # as RECORD
        self.layout = layout
        self.paired = layout.upscale is not None
        self.tiled = tiled

    def subset(self, indices: Iterable[int]) -> PackedPhotos:
        """The photos at ``indices``, in that order."""
        chosen = np.fromiter(indices, dtype=np.int64)
        return PackedPhotos(self.table.subset(chosen), self.records[chosen], self.layout, tiled=self.tiled)

    def raw_photos(self) -> Iterator[bytes | memoryview]:
        """The bytes of the name of the photo that each is, or is a tile of."""
        names = self.raw_names()
        return (bytes(name).rpartition(TILE_MARK.encode())[0] for name in names) if self.tiled else iter(names)

    def decode(self, index: int) -> Decoded:
        """The photo, and what the set holds of it besides, as views of a mapped file."""
        record = self.records[index]
        size, depth = (int(record["height"]), int(record["width"])), int(record["depth"])
        start, length = SHARD_HEADER + int(record["offset"]), self.layout.length(size, depth)
        shard = self.table.root / shard_name(int(record["shard"]))
        try:
            held = np.memmap(shard, np.uint8, "r", offset=start, shape=(length,))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UnreadableImageError(f"{self.place(index)} cannot be read: {shard}: {reason}") from error
        dtype = np.dtype(np.uint8 if depth == 1 else "<u2")
        hr, *others = (
            held[offset : offset + height * width * 3 * depth].view(dtype).reshape(height, width, 3)
            for offset, (height, width) in self.layout.planes(size, depth)
        )
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
    """Whether a folder is a packed set, or is to become one."""
    return (Path(folder) / MARKER).is_file() or (Path(folder) / UNFINISHED).is_dir()


def open_packed(folder: str | Path, *, option: str) -> PackedPhotos:
    """The photos of the set ``folder``, which comes from ``option``.

    Raises:
        UserError: the set is unfinished, damaged, or of a version that is not known.
    """
    root = Path(folder)
    if not (root / MARKER).is_file():
        raise UserError(
            f"{option}={folder} is a packed set that is not finished: give the command that packs it once more, "
            "and it goes on"
        )
    try:
        described = json.loads((root / MARKER).read_text(encoding="utf-8"))
        if (version := described["version"]) != VERSION:
            raise UserError(
                f"{option}={folder} is a packed set of version {version}, this program reads version {VERSION}: "
                "pack the photos again"
            )
        records = np.load(root / RECORDS, mmap_mode="r")
        names = np.load(root / NAMES, mmap_mode="r")
        layout = Layout(tuple(described["scales"]), described["upscale"])
        lengths = {shard_name(number): length for number, length in enumerate(described["shards"])}
        wrong = [name for name, length in lengths.items() if (root / name).stat().st_size != length]
    except UserError:  # which is a ValueError too
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else f"{error!r}"
        raise UserError(f"{option}={folder} is a damaged packed set ({what}): pack the photos again") from error
    if wrong:
        raise UserError(
            f"{option}={folder} is a damaged packed set: {wrong[0]} does not have the {lengths[wrong[0]]:,} bytes "
            "that it had: copy the set again, or pack the photos again"
        )
    table = PathTable.of(root, names, records["name_end"])
    return PackedPhotos(table, records, layout, tiled=described["options"]["tile"] is not None)
