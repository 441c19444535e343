"""The files of a packed set: its description, its tables, and the pictures in its shards."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from esrgan_train.data.packed_layout import SHARD_HEADER, Plane, shard_header, shard_name
from esrgan_train.images.decode import Picture, UnreadableImageError
from esrgan_train.remote.cache import BlockCache, CachedReader, Reader
from esrgan_train.remote.store import Store, UnreachableError
from esrgan_train.remote.url import Location

Depth = np.dtype[np.uint8] | np.dtype[np.uint16]


class Shards(Protocol):
    """The pictures of a set."""

    def pictures(self, entry: Entry, planes: Sequence[Plane]) -> list[Picture]:
        """The pictures of an entry, or what reads parts of them. Either may raise ``UnreadableImageError``."""

    def report(self) -> None:
        """Log what went wrong in reading and is no failure; only the main process calls it."""


class SetFiles(Protocol):
    """Where the files of a set are, and how they are read. All may raise ``OSError``."""

    root: Location

    def text(self, name: str) -> str:
        """A file of text."""

    def table(self, name: str) -> NDArray[Any]:
        """An array from a NumPy file."""

    def wrong(self, lengths: Sequence[int]) -> int | None:
        """The number of the first shard that does not have its bytes."""

    def shards(self, lengths: Sequence[int], identity: str) -> Shards:
        """What reads the shards of these lengths; sets of the same pixels alone have the same identity."""


class Entry:
    """The bytes of an entry in its shard; ``place`` is what it is called in messages."""

    def __init__(self, place: str, shard: int, offset: int, length: int, depth: int) -> None:
        self.place = place
        self.shard = shard_name(shard)
        self.start = SHARD_HEADER + offset
        self.length = length
        self.dtype: Depth = np.dtype(np.uint8) if depth == 1 else np.dtype("<u2")

    def unreadable(self, error: OSError | ValueError, file: object) -> UnreadableImageError:
        """What is raised for it."""
        reason = getattr(error, "strerror", None) or error
        return UnreadableImageError(f"{self.place} cannot be read: {file}: {reason}")


class MappedFiles:
    """A set in a folder, whose files are mapped: pictures are views."""

    def __init__(self, root: Path) -> None:
        self.root: Location = root
        self._folder = root

    def text(self, name: str) -> str:
        """A file of text."""
        return (self._folder / name).read_text(encoding="utf-8")

    def table(self, name: str) -> NDArray[Any]:
        """An array from a NumPy file."""
        array: NDArray[Any] = np.load(self._folder / name, mmap_mode="r")
        return array

    def wrong(self, lengths: Sequence[int]) -> int | None:
        """The number of the first shard that does not have its bytes."""
        return _first_other(lengths, ((self._folder / name).stat().st_size for name in _names(lengths)))

    def shards(self, lengths: Sequence[int], identity: str) -> Shards:  # noqa: ARG002
        """Itself."""
        return self

    def report(self) -> None:
        """Nothing: what goes wrong here is a failure."""

    def pictures(self, entry: Entry, planes: Sequence[Plane]) -> list[Picture]:
        """Views of the mapped shard."""
        file = self._folder / entry.shard
        try:
            held = np.memmap(file, np.uint8, "r", offset=entry.start, shape=(entry.length,))
        except (OSError, ValueError) as error:
            raise entry.unreadable(error, file) from error
        return [
            held[offset : offset + height * width * 3 * entry.dtype.itemsize]
            .view(entry.dtype)
            .reshape(height, width, 3)
            for offset, (height, width) in planes
        ]


class RemoteFiles:
    """A set behind an address."""

    def __init__(self, store: Store, cache: BlockCache | None) -> None:
        self.root: Location = store.url
        self._store = store
        self._cache = cache

    def text(self, name: str) -> str:
        """A file of text."""
        return self._store.read_whole(name).decode()

    def table(self, name: str) -> NDArray[Any]:
        """An array from a NumPy file, in memory."""
        array: NDArray[Any] = np.load(io.BytesIO(self._store.read_whole(name)))
        return array

    def wrong(self, lengths: Sequence[int]) -> int | None:
        """The number of the first shard that does not have its bytes; tries to read a part of one."""
        names = _names(lengths)
        other = _first_other(lengths, self._store.sizes(names))
        if other is None and names:
            sound = self._store.read(names[0], 0, SHARD_HEADER) == shard_header(lengths[0] - SHARD_HEADER)
            return None if sound else 0
        return other

    def shards(self, lengths: Sequence[int], identity: str) -> Shards:
        """What reads its shards, through the cache if there is one."""
        if self._cache is None:
            return RemoteShards(self._store)
        sizes = dict(zip(_names(lengths), lengths, strict=True))
        identity = f"{self.root}/{identity}"
        reader = CachedReader(self._store, self._cache, identity=identity, size_of=sizes.__getitem__)
        return RemoteShards(reader, self._cache)


class RemoteShards:
    """Shards of which, where a picture is cut, only the rows that are needed are read, in one request."""

    def __init__(self, reader: Reader, cache: BlockCache | None = None) -> None:
        self._reader = reader
        self._cache = cache

    def report(self) -> None:
        """Log once that the cache cannot be used."""
        if self._cache is not None:
            self._cache.report()

    def pictures(self, entry: Entry, planes: Sequence[Plane]) -> list[Picture]:
        """What reads the rows of each picture when they are asked for."""

        def read(start: int, stop: int) -> bytes:
            try:
                return self._reader.read(entry.shard, entry.start + start, entry.start + stop)
            except UnreachableError as error:
                raise entry.unreadable(error, error.filename) from error

        # To cutters they are arrays: they look at the shape, and take rows and columns.
        return [cast(Picture, DistantPicture(read, plane, entry.dtype)) for plane in planes]


class DistantPicture:
    """(H, W, 3) pixels that lie elsewhere: a part of them is read when it is asked for.

    Args:
        read: (start, stop) → these bytes of the entry; may raise ``UnreadableImageError``.
        plane: where in the entry the picture lies.
        dtype: of its samples.
    """

    def __init__(self, read: Callable[[int, int], bytes], plane: Plane, dtype: Depth) -> None:
        self.shape = (*plane.size, 3)
        self.dtype = dtype
        self._read = read
        self._start = plane.offset

    def __getitem__(self, part: tuple[slice, slice]) -> Picture:
        """These rows and columns. One range of bytes holds the rows."""
        rows, columns = part
        first, last, _ = rows.indices(self.shape[0])
        row = self.shape[1] * 3 * self.dtype.itemsize
        data = self._read(self._start + first * row, self._start + last * row) if first < last else b""
        pixels = np.frombuffer(data, self.dtype).reshape(-1, *self.shape[1:])
        return cast(Picture, pixels[:, columns])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self[:, :], dtype=dtype, copy=copy)


def _names(lengths: Sequence[int]) -> list[str]:
    return [shard_name(number) for number in range(len(lengths))]


def _first_other(lengths: Sequence[int], sizes: Iterable[int]) -> int | None:
    pairs = enumerate(zip(lengths, sizes, strict=True))
    return next((number for number, (length, size) in pairs if size != length), None)
