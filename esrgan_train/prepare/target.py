"""Where a set is written: a folder, or an address."""

from __future__ import annotations

import json
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

from esrgan_train.data.packed_layout import UNFINISHED
from esrgan_train.errors import UserError
from esrgan_train.files import replacing
from esrgan_train.remote.url import Location, Url
from esrgan_train.remote.writer import Writer

_ROOM = 1.02  # of the bytes expected; manifest and summary come on top


class Target(ABC):
    """The files of a set that is being written, by name; all methods may raise ``OSError``."""

    @abstractmethod
    def __str__(self) -> str:
        """The place, for people."""

    @abstractmethod
    def holds(self, name: str) -> bool:
        """Whether there is such a file."""

    @abstractmethod
    def is_free(self) -> bool:
        """Whether nothing is there."""

    @abstractmethod
    def size(self, name: str) -> int:
        """Bytes of a file."""

    @abstractmethod
    def reading(self, name: str) -> AbstractContextManager[Path]:
        """A file, to be read on this machine."""

    @abstractmethod
    def writing(self, name: str) -> AbstractContextManager[Path]:
        """A path to write to; if the block succeeds, the file takes its place, whole."""

    @abstractmethod
    def move(self, name: str, to: str) -> None:
        """Give a file another name."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Take away a file, if there is one."""

    @abstractmethod
    def finish(self) -> None:
        """Take away what a set needs only until it is complete."""

    @abstractmethod
    def check_room(self, lengths: Sequence[int], workers: int) -> None:
        """``UserError`` if shards of these bytes find no room."""

    @abstractmethod
    def tidy(self) -> None:
        """Take away what a command left that was killed."""

    def read_json(self, name: str) -> Any:
        """What a JSON file holds."""
        with self.reading(name) as file:
            return json.loads(file.read_text(encoding="utf-8"))

    def write_json(self, name: str, value: object, *, indent: int | None = None) -> None:
        """Write a JSON file."""
        with self.writing(name) as partial:
            partial.write_text(json.dumps(value, indent=indent) + "\n", encoding="utf-8")


class FolderTarget(Target):
    """A folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __str__(self) -> str:
        return str(self.folder)

    def holds(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.folder / name).is_file()

    def is_free(self) -> bool:
        """Whether the folder is empty or does not exist."""
        return not self.folder.exists() or (self.folder.is_dir() and not any(self.folder.iterdir()))

    def size(self, name: str) -> int:
        """Bytes of a file."""
        return (self.folder / name).stat().st_size

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        """The file itself."""
        yield self.folder / name

    def writing(self, name: str) -> AbstractContextManager[Path]:
        """A path beside the file."""
        return replacing(self.folder / name, durable=True)

    def move(self, name: str, to: str) -> None:
        """Rename a file."""
        (self.folder / name).replace(self.folder / to)

    def remove(self, name: str) -> None:
        """Take away a file, if there is one."""
        (self.folder / name).unlink(missing_ok=True)

    def finish(self) -> None:
        """Take away the folder of the unfinished."""
        if (self.folder / UNFINISHED).exists():
            shutil.rmtree(self.folder / UNFINISHED)

    def check_room(self, lengths: Sequence[int], workers: int) -> None:  # noqa: ARG002
        """``UserError`` if the disk is too small."""
        needed, here = sum(lengths), self.folder.absolute()
        free = shutil.disk_usage(next(place for place in (here, *here.parents) if place.exists())).free
        if needed * _ROOM > free:
            raise UserError(
                f"-o {self}: the set takes about {needed * _ROOM / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are "
                "free: free some space, give a folder on another disk, or reduce the photos with --max-side"
            )

    def tidy(self) -> None:
        """Take away partial files."""
        for partial in [*self.folder.glob(".*.partial*"), *(self.folder / UNFINISHED).glob(".*.partial*")]:
            partial.unlink()


class RemoteTarget(Target):
    """An address. A file is made on this machine, sent, and taken away here."""

    def __init__(self, url: Url) -> None:
        self._writer = Writer(url)
        self._prefix = f"esrgan_train-{blake2b(str(url).encode(), digest_size=8).hexdigest()}-"

    def __str__(self) -> str:
        return str(self._writer.url)

    def holds(self, name: str) -> bool:
        """Whether there is such a file."""
        return self._writer.holds(name)

    def is_free(self) -> bool:
        """Whether nothing lies there."""
        return self._writer.is_empty()

    def size(self, name: str) -> int:
        """Bytes of a file."""
        return self._writer.size(name)

    @contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        """A copy on this machine."""
        with tempfile.TemporaryDirectory(prefix=self._prefix) as folder:
            copy = Path(folder) / Path(name).name
            self._writer.get(name, copy)
            yield copy

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        """A path on this machine, whose file is sent."""
        with tempfile.TemporaryDirectory(prefix=self._prefix) as folder:
            made = Path(folder) / Path(name).name
            yield made
            self._writer.put(made, name)

    def move(self, name: str, to: str) -> None:
        """Give a file another name."""
        self._writer.move(name, to)

    def remove(self, name: str) -> None:
        """Take away a file, if there is one."""
        self._writer.remove(name)

    def finish(self) -> None:
        """Take away the folder of the unfinished."""
        self._writer.remove_folder(UNFINISHED)

    def check_room(self, lengths: Sequence[int], workers: int) -> None:
        """``UserError`` if the shards that are made at the same time do not fit into the temporary folder."""
        place = tempfile.gettempdir()
        needed, free = sum(sorted(lengths)[-workers:]), shutil.disk_usage(place).free
        if needed * _ROOM > free:
            raise UserError(
                f"-o {self}: shards are made in {place}, {needed * _ROOM / 1e9:,.1f} GB at a time, and "
                f"{free / 1e9:,.1f} GB are free there: free some space, set TMPDIR to a folder on another disk, "
                "or give fewer --workers"
            )

    def tidy(self) -> None:
        """Take away what was made on this machine; what was sent in part is no file."""
        for folder in Path(tempfile.gettempdir()).glob(f"{self._prefix}*"):
            shutil.rmtree(folder, ignore_errors=True)


def target_at(place: Location | Target) -> Target:
    """The target at a path or an address.

    Raises:
        UserError: nothing can be written to such an address.
    """
    if isinstance(place, Target):
        return place
    return RemoteTarget(place) if isinstance(place, Url) else FolderTarget(place)
