"""Writing files whole or not at all."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from esrgan_train.file_names import check_file_name, too_long

log = logging.getLogger(__name__)

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
_failing: dict[str, str] = {}  # what cannot be written at present, and why


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a path next to ``path`` to write to; if the block succeeds, that file takes the place of ``path``.

    If it fails, ``path`` stays as it was and the partial file is removed. Missing folders are made. With
    ``durable`` the content is on the disk before it takes the place, and so is the new name afterwards: power
    may fail at any moment.

    Raises:
        UserError: the system takes no file of that name, or no path of that length.
    """
    make_folder(path.parent)
    check_file_name("file", path)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{path.suffix}")
    try:
        yield partial
        if durable:
            _flush(partial)
        partial.replace(path)
        if durable:
            _flush(path.parent)
    except OSError as error:
        if error.filename == str(partial) and (refusal := too_long(error, path)) is not None:
            raise refusal from error
        if error.errno is not None and error.filename in (None, str(partial)):  # a full disk names no file
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):  # a name that is too long
            partial.unlink(missing_ok=True)


def make_folder(path: Path, *, option: str = "folder") -> None:
    """Make a folder and those above it, unless they are there.

    Raises:
        UserError: the system takes no folder of that name, or no path of that length.
    """
    check_file_name(option, path)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if (refusal := too_long(error, path)) is not None:
            raise refusal from error
        raise


@contextmanager
def reporting_failure(what: str) -> Iterator[None]:
    """Continue if ``what``, a file or a folder of them, cannot be written (a full disk, a lost network folder).

    One warning reports it, and one line when it is written again; ``take_failing`` returns what never was. Only an
    ``OSError`` is a failure to write: errors of libraries that have another class are translated by their callers.
    """
    try:
        yield
    except OSError as error:
        if what not in _failing:
            _failing[what] = error.strerror or str(error)
            remedy = "free some space" if error.errno in FULL else "check the disk and the permissions"
            message = "%s cannot be written (%s); what is there stays, and training continues: %s"
            log.warning(message, what, _failing[what], remedy)
    else:
        if _failing.pop(what, None) is not None:
            log.info("%s is written again", what)


def take_failing() -> dict[str, str]:
    """What could not be written when it was last tried, and why; forgotten with this call."""
    failing = dict(_failing)
    _failing.clear()
    return failing


def _flush(path: Path) -> None:
    if path.is_dir() and os.name == "nt":
        return  # Windows opens no folders; its renames are in the journal
    # Windows flushes only what is open for writing, and others open a folder only for reading.
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
