"""Which photos could not be read, known to every process of the loader and, once shared, of the run."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Mapping

import numpy as np
import torch
from torch.utils.data import get_worker_info

from esrgan_train.errors import UserError

log = logging.getLogger(__name__)

_MOST_NAMED = 1000
_LINE_BYTES = 600


class BadPhotos:
    """Shared memory in which worker processes note bad photos, each once; the main process reports them.

    A worker's own log records would miss ``train.log`` where workers are not forked, and be torn by the
    progress bar where they are.

    Args:
        total: number of photos.
        max_fraction: share of them that may be unreadable, in [0, 1].
        kind: what they are called, such as ``training``.
        consequence: what happens to a sample whose photo is bad.
    """

    def __init__(self, total: int, *, max_fraction: float, kind: str, consequence: str) -> None:
        self.total = total
        self.max_fraction = max_fraction
        self.kind = kind
        self.consequence = consequence
        self._bad = _shared(total)
        self._order = _shared(total, dtype=torch.int64)  # of the photos noted so far
        self._lines = _shared(min(total, _MOST_NAMED), _LINE_BYTES)  # of the first of them
        self._count = _shared(1, dtype=torch.int64)
        self._lock = multiprocessing.Lock()
        self._reported = 0

    @property
    def count(self) -> int:
        """How many of the photos met so far cannot be read."""
        return int(self._count)

    def add(self, index: int, reason: str) -> None:
        """Note a photo, unless it is known; the main process reports it at once, a worker leaves that to it."""
        with self._lock:
            if not self._bad[index]:
                self._bad[index] = 1
                self._note(index, reason)
        if get_worker_info() is None:
            self.report()

    def check(self) -> None:
        """``UserError`` if more than ``max_fraction`` of the photos, or all of them, are bad."""
        if self.count:
            last = self._line(min(self.count, len(self._lines)) - 1)
            check_share(
                self.count, self.total, max_fraction=self.max_fraction, kind=self.kind, such=f"last: {last}"
            )

    def report(self) -> None:
        """Log what has been noted since the last time. Call it in the main process."""
        noted = self.count
        for number in range(self._reported, min(noted, len(self._lines))):
            log.warning("%s; %s", self._line(number), self.consequence)
        if self._reported <= len(self._lines) < noted:
            log.warning("further unreadable photos are counted, but no longer named")
        self._reported = noted

    def noted(self) -> dict[int, str]:
        """The bad photos by their number, each with the reason, or nothing where it was no longer kept."""
        named = len(self._lines)
        order = self._order[: self.count].tolist()
        return {index: self._line(number) if number < named else "" for number, index in enumerate(order)}

    def learn(self, noted: Mapping[int, str]) -> None:
        """Take in what another process of the run has noted. Call it in the main process."""
        for index, reason in noted.items():
            self.add(index, reason)

    def _note(self, index: int, reason: str) -> None:
        number = self.count
        self._order[number] = index
        if number < len(self._lines):
            line = np.frombuffer(reason.encode("utf-8", "surrogateescape")[:_LINE_BYTES], dtype=np.uint8)
            self._lines.numpy()[number, : len(line)] = line
        self._count.fill_(number + 1)

    def _line(self, number: int) -> str:
        return self._lines[number].numpy().tobytes().rstrip(b"\0").decode("utf-8", "replace")


def check_share(bad: int, total: int, *, max_fraction: float, kind: str, such: str) -> None:
    """``UserError`` if more than ``max_fraction`` of ``total`` photos, or all of them, are bad.

    Args:
        bad: how many cannot be read.
        total: of how many.
        max_fraction: share that is allowed.
        kind: what they are called, such as ``training``.
        such: one of them, such as ``last: a.png cannot be read: …``.
    """
    if not bad:
        return
    if bad == total:
        raise UserError(f"none of the {total} {kind} photos can be read; the {such}; give other photos")
    if bad > max_fraction * total:
        raise UserError(
            f"data.max_bad_fraction={max_fraction:g} is exceeded: {bad} of {total} {kind} photos cannot be read; "
            f"the {such}; remove the bad ones or raise the limit"
        )


def _shared(*shape: int, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
    tensor = torch.zeros(shape, dtype=dtype)
    tensor.share_memory_()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    return tensor
