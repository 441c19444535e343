"""Writing files so that nobody ever meets half of one."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; if the block succeeds, that file takes the place of ``path``.

    If it fails, ``path`` stays as it was and the partial file is removed. Missing folders are made. With
    ``durable`` the content is on the disk before it takes the place, and so is the new name afterwards: power
    may fail at any moment.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        if durable:
            _flush(partial)
        partial.replace(path)
        if durable:
            _flush(path.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def reporting_failure(what: str, remedy: str = "free some space") -> Iterator[None]:
    """Say in one warning that ``what`` could not be written (a full disk, a lost network folder), and go on."""
    try:
        yield
    except OSError as error:
        log.warning("%s could not be written: %s; training goes on: %s", what, error.strerror or error, remedy)


def _flush(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # Windows opens no folders; its renames are in the journal
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
