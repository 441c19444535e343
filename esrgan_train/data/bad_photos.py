"""Which photographs could not be read, known to every process of the loader."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import get_worker_info

from esrgan_train.errors import UserError

log = logging.getLogger(__name__)

_MOST_NAMED = 1000
_LINE_BYTES = 600


class BadPhotos:
    """Shared memory in which worker processes note bad photos, each once, and from which the main one tells them.

    A worker's own log records would miss ``train.log`` where workers are not forked, and be torn by the
    progress bar where they are.

    Args:
        photos: the training photos.
        max_fraction: share of the photos that may be unreadable, in [0, 1].

    Raises:
        UserError: ``max_fraction`` is out of bounds.
    """

    def __init__(self, photos: Sequence[Path] | object, *, max_fraction: float) -> None:
        if not isinstance(max_fraction, (int, float)) or not 0 <= max_fraction <= 1:
            raise UserError(f"data.max_bad_fraction={max_fraction!r}: give a number from 0 to 1, such as 0.1")
        self.total = len(photos)  # type: ignore[arg-type]
        self.max_fraction = max_fraction
        self._bad = _shared(self.total)
        self._lines = _shared(min(self.total, _MOST_NAMED), _LINE_BYTES)
        self._noted = _shared(1, dtype=torch.int64)
        self._lock = multiprocessing.Lock()
        self._told = 0

    @property
    def count(self) -> int:
        """How many of the photos met so far cannot be read."""
        return int(self._noted)

    def add(self, index: int, reason: UserError) -> None:
        """Note a photo, unless it is known; the main process tells it at once, a worker leaves it to ``tell``.

        Raises:
            UserError: more than ``max_fraction`` of the photos, or all of them, are bad.
        """
        with self._lock:
            if not self._bad[index]:
                self._bad[index] = 1
                self._note(str(reason))
            count = self.count
        if get_worker_info() is None:
            self.tell()
        if count == self.total:
            raise UserError(f"none of the {self.total} training photos can be read: {reason}; give other photos")
        if count > self.max_fraction * self.total:
            raise UserError(
                f"data.max_bad_fraction={self.max_fraction:g} is exceeded: {count} of {self.total} training "
                f"photos cannot be read; the last: {reason}; remove the bad ones or raise the limit"
            )

    def tell(self) -> None:
        """Log what has been noted since the last time. Call it in the main process."""
        noted = self.count
        for number in range(self._told, min(noted, len(self._lines))):
            line = self._lines[number].numpy().tobytes().rstrip(b"\0").decode("utf-8", "replace")
            log.warning("%s; another photo takes its place", line)
        if self._told <= len(self._lines) < noted:
            log.warning("further unreadable photos are counted, but no longer named")
        self._told = noted

    def _note(self, reason: str) -> None:
        number = self.count
        if number < len(self._lines):
            line = np.frombuffer(reason.encode("utf-8", "surrogateescape")[:_LINE_BYTES], dtype=np.uint8)
            self._lines.numpy()[number, : len(line)] = line
        self._noted.fill_(number + 1)


def _shared(*shape: int, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
    tensor = torch.zeros(shape, dtype=dtype)
    tensor.share_memory_()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return tensor
