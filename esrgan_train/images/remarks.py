"""Remarks about photos that are odd but readable: one line each, with the photo's name."""

from __future__ import annotations

import logging
import mmap
import multiprocessing
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import PIL

log = logging.getLogger(__name__)

_MOST = 1000  # lines per process
_PILLOW = str(Path(PIL.__file__).parent)

# A mark for each line that has been logged. Worker processes share it, so that each photo is named once.
_logged = mmap.mmap(-1, 2**20)
_count = 0


@dataclass
class _Notes:
    own: list[str] = field(default_factory=list)
    of_libraries: list[str] = field(default_factory=list)


_notes: ContextVar[_Notes | None] = ContextVar("_notes", default=None)


def remark(text: str) -> None:
    """Note something about the photo that is being read."""
    notes = _notes.get()
    assert notes is not None, "no photo is being read"
    notes.own.append(text)


@contextmanager
def remarks_on(path: str | Path) -> Iterator[None]:
    """Log the remarks made inside, and the warnings of Pillow and tifffile, with the photo's name.

    Nothing is logged if it ends in an exception, which names the photo itself.
    """
    notes = _Notes()
    token = _notes.set(notes)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("always", module=r"PIL\.")  # for each photo, not just the first
            elsewhere = warnings.showwarning

            def show(message: Any, category: Any, filename: str, *rest: Any, **others: Any) -> None:
                if filename.startswith(_PILLOW):
                    notes.of_libraries.append(str(message))
                else:
                    elsewhere(message, category, filename, *rest, **others)

            warnings.showwarning = show
            yield
    finally:
        _notes.reset(token)
    for text in notes.own:
        _log_once(f"{path}: {text}")
    if found := list(dict.fromkeys(" ".join(text.split()) for text in notes.of_libraries)):
        more = f" (and {len(found) - 1} more such remarks)" if len(found) > 1 else ""
        _log_once(f"{path}: {found[0]}{more}")


def _log_once(line: str) -> None:
    """Log a line once; from worker processes only to ``train.log``, since a line would break the progress bar."""
    global _count
    place = zlib.crc32(line.encode("utf-8", "surrogateescape")) % len(_logged)
    if _logged[place] or _count >= _MOST:
        return
    _logged[place], _count = 1, _count + 1
    where = {"to_file_only": multiprocessing.parent_process() is not None}
    log.warning("%s", line, extra=where)
    if _count == _MOST:
        log.warning("further remarks about photos are not shown", extra=where)


class _WhileReading(logging.Filter):
    """Turns warnings of a library's logger into remarks about the photo that is being read."""

    def filter(self, record: logging.LogRecord) -> bool:
        notes = _notes.get()
        if notes is None or record.levelno < logging.WARNING:
            return True
        notes.of_libraries.append(record.getMessage())
        return False


logging.getLogger("tifffile").addFilter(_WhileReading())
