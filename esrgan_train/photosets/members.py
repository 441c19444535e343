"""The files in an archive, one after the other, as streams: nothing is written to a path that an archive names."""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, NamedTuple, cast

from esrgan_train.errors import UserError
from esrgan_train.photosets.deb import data_of

_EXPANSION = 4  # times an archive's size that may come out of it: pictures hardly compress
_SLACK = 2**26  # bytes beyond that
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, NotImplementedError)
_OPENERS: dict[str, Any] = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}
_ENCRYPTED = 0x1  # of a member's flags in a zip


class Member(NamedTuple):
    """A file of an archive, readable until the next one is asked for."""

    path: PurePosixPath  # without a leading ./
    content: IO[bytes]


class Bounded:
    """Reads a stream, and refuses when it has given more than ``most`` bytes in all."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self.stream = stream
        self.left = most

    def read(self, size: int = -1) -> bytes:
        """At most ``size`` bytes; ``UserError`` if the stream has given more than it may."""
        block = self.stream.read(size if 0 <= size <= self.left else self.left + 1)
        self.left -= len(block)
        if self.left < 0:
            raise UserError("more comes out of it than an archive of photographs can hold")
        return block


@contextmanager
def reading(archive: Path) -> Iterator[Iterator[Member]]:
    """The regular files of a .zip, .tar (also .gz, .bz2 or .xz) or .deb, in its order.

    Links and devices are left out. What goes wrong in the block is reported as the archive's.

    Raises:
        UserError: the archive is damaged or of another kind, a path in it leads out of it, or much more than its
            size comes out of it.
    """
    try:
        yield _members(archive)
    except UserError as error:
        raise UserError(f"{archive}: {error}") from error
    except (*_DAMAGED, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's, and not a decompressor's
            raise
        raise UserError(f"{archive} cannot be unpacked ({' '.join(str(error).split())}): delete it") from error


def inside(name: str) -> PurePosixPath:
    """The path of a member below the archive's top; ``UserError`` if it leads elsewhere."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise UserError(f"it holds {name!r}, which may lead out of it: nothing more is unpacked")
    return path


def _members(archive: Path) -> Iterator[Member]:
    most = _EXPANSION * archive.stat().st_size + _SLACK
    if zipfile.is_zipfile(archive):
        yield from _of_zip(archive, most)
        return
    with archive.open("rb") as file:
        name, stream = data_of(file, archive.name)
        suffix = PurePosixPath(name).suffix
        if suffix == ".tar":
            yield from _of_tar(stream, most)
        elif suffix in _OPENERS:
            with _OPENERS[suffix](stream) as unpacked:
                yield from _of_tar(unpacked, most)
        else:
            raise UserError(f"a {suffix} cannot be unpacked: .zip, .tar, .deb, {', '.join(_OPENERS)} can")


def _of_zip(archive: Path, most: int) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as opened:
        for info in opened.infolist():
            path = inside(info.filename)
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where the archive was not made under Unix
            if info.is_dir() or kind not in (0, stat.S_IFREG):
                continue
            if info.flag_bits & _ENCRYPTED:
                raise UserError(f"{info.filename} is encrypted")
            with opened.open(info) as content:
                bounded = Bounded(content, most)
                yield Member(path, cast(IO[bytes], bounded))
                most = bounded.left


def _of_tar(stream: IO[bytes], most: int) -> Iterator[Member]:
    with tarfile.open(fileobj=cast(IO[bytes], Bounded(stream, most)), mode="r|") as opened:
        for info in opened:
            path = inside(info.name)
            content = opened.extractfile(info) if info.isreg() else None
            if content is not None:
                yield Member(path, content)
