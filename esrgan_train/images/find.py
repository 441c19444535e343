"""From a folder to the table of its photographs."""

from __future__ import annotations

import logging
import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from operator import attrgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esrgan_train.errors import UserError
from esrgan_train.images.formats import NAMES, SUFFIXES, UNSUPPORTED, skipped
from esrgan_train.remote.url import Location

log = logging.getLogger(__name__)

_AT_ONCE = 2**16  # places of names


class PathTable:
    """An immutable sequence of the photos below ``root``, given as relative POSIX paths and held in arrays.

    A list of a million strings would be copied page by page into every worker process, since reading an object
    writes its reference count. Arrays stay shared.
    """

    def __init__(self, root: Location, relative_paths: Iterable[str]) -> None:
        joined, ends = bytearray(), array("q", [0])
        for path in relative_paths:
            joined += os.fsencode(path)
            ends.append(len(joined))
        self._set(root, np.frombuffer(bytes(joined), dtype=np.uint8), np.array(ends[1:], dtype=np.int64))

    @classmethod
    def of(cls, root: Location, joined: NDArray[np.uint8], ends: NDArray[np.int64]) -> PathTable:
        """The table of paths whose bytes are ``joined``, each ending where ``ends`` says."""
        table = cls.__new__(cls)
        table._set(root, joined, ends.astype(np.int64))
        return table

    def _set(self, root: Location, joined: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self.root = root
        self._bytes = joined
        self._bounds = np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=1)  # (photos, 2): start and end

    def __len__(self) -> int:
        return len(self._bounds)

    def __getitem__(self, index: int) -> Path:
        assert isinstance(self.root, Path), "what a packed set holds elsewhere are no files"
        return self.root / self.relative(index)

    def __iter__(self) -> Iterator[Path]:
        return (self[index] for index in range(len(self)))

    def relative(self, index: int) -> str:
        """The POSIX path below ``root``; negative indices count from the end."""
        start, end = self._bounds[index]
        return os.fsdecode(self._bytes[start:end].tobytes())

    def raw(self) -> Iterator[memoryview]:
        """The bytes of each relative path, without a string for any of them."""
        data = self._bytes.data
        for first in range(
            0, len(self), _AT_ONCE
        ):  # Python's numbers are read faster, and take five times as much
            for start, end in self._bounds[first : first + _AT_ONCE].tolist():
                yield data[start:end]

    def subset(self, indices: Iterable[int]) -> PathTable:
        """The photos at ``indices``, in that order; the bytes are shared."""
        part = copy(self)
        part._bounds = self._bounds[np.fromiter(indices, dtype=np.int64)]
        return part


def find_photos(folder: str | Path, *, option: str, say: Callable[[str], None] = log.warning) -> PathTable:
    """Every supported picture below ``folder``, by suffix, sorted by relative POSIX path.

    Names that start with a dot are skipped. Links to folders are followed; a folder reached in several ways is
    listed once, under its own place if that is below ``folder``. No file is opened.

    Messages name ``option``, which ``folder`` comes from. ``say`` gets one line if pictures of other kinds are
    skipped.

    Raises:
        UserError: the folder is missing, cannot be read, or holds no photo.
    """
    root, others = Path(folder), Counter[str]()
    try:
        found = sorted(_walk(root, others))
    except NotADirectoryError:
        raise UserError(f"{option}={folder} is not a folder: give the folder that holds the photos") from None
    except FileNotFoundError:
        raise UserError(
            f"{option}={folder} does not exist: give the folder that holds the photos, or "
            "fetch some (python -m esrgan_train.prepare --set debian)"
        ) from None
    except OSError as error:
        raise UserError(f"{option}={folder}: {error.filename}: {error.strerror}; make it readable") from error
    remark = skipped(others)
    if not found:
        why = f" of a supported kind ({remark})" if remark else f" ({NAMES})"
        raise UserError(f"{option}={folder} holds no photo{why}: give the folder that holds them")
    if remark:
        say(f"{option}={folder}: {remark}")
    return PathTable(root, found)


def _walk(root: Path, others: Counter[str]) -> Iterator[str]:
    """Relative paths of supported pictures; ``others`` counts those of other kinds by suffix."""
    seen: set[tuple[int, int]] = set()
    pending: list[str] = [""]
    linked: list[str] = []  # relative paths of folders, each with its closing slash
    while pending or linked:
        # Links wait until every real folder has been listed, so that a folder's own place wins.
        prefix = pending.pop() if pending else linked.pop()
        status = (root / prefix).stat()
        if (status.st_dev, status.st_ino) in seen:
            continue
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(root / prefix) as entries:
            for entry in sorted(entries, key=attrgetter("name"), reverse=True):
                name = entry.name
                if name.startswith("."):
                    continue
                if entry.is_dir():
                    (linked if entry.is_symlink() else pending).append(f"{prefix}{name}/")
                    continue
                suffix = name[name.rfind(".") :].lower()
                if suffix in SUFFIXES:
                    if entry.is_file() or entry.is_symlink():
                        yield prefix + name
                elif suffix in UNSUPPORTED:
                    others[suffix] += 1
