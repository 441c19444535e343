"""Blocks of distant files in a folder on this machine, which processes and runs share."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Protocol

from esrgan_train.files import replacing

log = logging.getLogger(__name__)

BLOCK = 2**22  # bytes: a few tiles, or some rows of a photo; little enough to come while one waits
DRAWERS = 64  # folders, each with its share of the bytes: so little has to be looked through to make room
_REST = 60.0  # seconds for which nothing is written after a failure
_LINE_BYTES = 300


class Reader(Protocol):
    """Reads parts of files, such as ``Store``."""

    def read(self, name: str, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to ``stop`` of a file."""


class BlockCache:
    """Keeps blocks of bytes by key; of those in a drawer, the least recently used make room for a new one.

    Nothing is locked. A block appears whole, by renaming; one that is taken away while it is read is read to its
    end or fetched again; two processes that fetch the same block write the same bytes. A folder that cannot be
    written is no failure: ``report`` says so once, and blocks are fetched each time.

    Args:
        folder: made when it is needed.
        max_bytes: of all blocks; up to one block for each process that is writing may come on top.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._resting = 0.0  # until this time of the clock
        self._trouble = RawArray("c", _LINE_BYTES)  # shared with the workers: only the main process writes logs
        self._reported = False

    def part(self, key: str, length: int, start: int, stop: int) -> bytes | None:
        """The bytes from ``start`` to ``stop`` of a block of ``length`` bytes; None if it is not held."""
        place = self._place(key)
        try:
            with place.open("rb", buffering=0) as file:
                if os.fstat(file.fileno()).st_size != length:  # another process is writing it once more
                    return None
                os.utime(file.fileno() if os.utime in os.supports_fd else place)
                file.seek(start)
                found = file.read(stop - start)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._note(error)
            return None
        return found if len(found) == stop - start else None

    def keep(self, key: str, block: bytes) -> None:
        """Hold a block, if there is room."""
        if time.monotonic() < self._resting or len(block) > self.max_bytes // DRAWERS:
            return
        place = self._place(key)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            _make_room(place.parent, self.max_bytes // DRAWERS - len(block))
            with suppress(FileNotFoundError), replacing(place) as partial, partial.open("wb") as file:
                file.write(block)  # another process may take it away to make room
                file.flush()
                os.fsync(file.fileno())  # else it might have its length and not its bytes when power fails
        except OSError as error:
            self._note(error)

    def report(self) -> None:
        """Log once that the folder could not be used; only the main process calls it."""
        if not self._reported and (trouble := self._trouble.value):
            self._reported = True
            log.warning(
                "the cache of packed sets in %s cannot be used (%s); training continues, and reads more from "
                "elsewhere: free some space, or give data.remote_cache_dir a folder on another disk",
                *(self.folder, trouble.decode("utf-8", "replace")),
            )

    def _note(self, error: OSError) -> None:
        self._resting = time.monotonic() + _REST
        if not self._trouble.value:
            self._trouble.value = (error.strerror or str(error)).encode()[: _LINE_BYTES - 1]

    def _place(self, key: str) -> Path:
        name = blake2b(key.encode(), digest_size=16).hexdigest()
        return self.folder / f"{int(name[:2], 16) % DRAWERS:02}" / name


def _make_room(drawer: Path, most: int) -> None:
    """Take away the files that were not used for longest, until no more than ``most`` bytes are left."""
    held = []
    for entry in os.scandir(drawer):
        with suppress(FileNotFoundError):  # another process was faster
            status = entry.stat()
            held.append((status.st_mtime_ns, status.st_size, entry.path))
    total = sum(size for _, size, _ in held)
    for _, size, path in sorted(held):
        if total <= most:
            return
        with suppress(FileNotFoundError, PermissionError):  # Windows keeps what somebody reads
            os.unlink(path)  # noqa: PTH108 — a Path for each would take longer than this
            total -= size


class CachedReader:
    """Reads parts of files by whole blocks, and keeps these.

    Args:
        source: reads what is not held. The blocks that a part lacks are read at once, as one range.
        cache: holds the blocks.
        identity: of the files: others of the same names have another one.
        size_of: name of a file → its bytes.
        block: bytes.
    """

    def __init__(
        self,
        source: Reader,
        cache: BlockCache,
        *,
        identity: str,
        size_of: Callable[[str], int],
        block: int = BLOCK,
    ) -> None:
        self.source = source
        self.cache = cache
        self.identity = identity
        self.size_of = size_of
        self.block = block

    def read(self, name: str, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to ``stop`` of a file; raises as ``source``."""
        size, numbers = self.size_of(name), range(start // self.block, -(-stop // self.block))
        spans = {n: (n * self.block, min((n + 1) * self.block, size)) for n in numbers}
        parts = {n: self._held(name, n, span, start, stop) for n, span in spans.items()}
        missing = [n for n, part in parts.items() if part is None]
        if missing:
            first, last = spans[missing[0]][0], spans[missing[-1]][1]
            data = self.source.read(name, first, last)
            for n in missing:
                begin, end = spans[n]
                block = data[begin - first : end - first]
                self.cache.keep(self._key(name, n), block)
                parts[n] = block[max(start - begin, 0) : stop - begin]
        return b"".join(part for part in parts.values() if part is not None)

    def _held(self, name: str, number: int, span: tuple[int, int], start: int, stop: int) -> bytes | None:
        begin, end = span
        within = max(start - begin, 0), min(stop, end) - begin
        return self.cache.part(self._key(name, number), end - begin, *within)

    def _key(self, name: str, number: int) -> str:
        return f"{self.identity}/{name}/{self.block}/{number}"
