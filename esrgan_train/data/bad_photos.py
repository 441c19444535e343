"""Which photos could not be read, known to every process of the loader and, once shared, of the run."""

from __future__ import annotations

import logging
import multiprocessing
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from multiprocessing.sharedctypes import RawArray

from torch.utils.data import get_worker_info

from esrgan_train.data.options import StreamOptions
from esrgan_train.errors import UserError

log = logging.getLogger(__name__)

_MOST_NAMED = 1000
_LINE_BYTES = 600


class BadPhotos:
    """Shared memory in which worker processes note bad photos, each once; the main process reports them.

    A worker's own log records would miss ``train.log`` where workers are not forked, and be torn by the
    progress bar where they are.

    Args:
        totals: the number of photos of each kind, numbered one after the other.
        options: of the stream; ``max_bad_fraction`` of the photos of each kind may be unreadable.
        kind: what they are called, such as ``training``.
        consequence: what happens to a sample whose photo is bad.
    """

    def __init__(self, totals: Sequence[int], options: StreamOptions, *, kind: str, consequence: str) -> None:
        self._totals = totals
        self._ends = list(accumulate(totals))
        total = sum(totals)
        self.max_fraction = options.max_bad_fraction
        self.kind = kind
        self.consequence = consequence
        self._bad = RawArray("b", total)
        self._order = RawArray("q", total)  # the photos noted so far
        self._counts = RawArray("q", len(totals))  # of each kind
        self._newest = RawArray("q", len(totals))  # place in that order
        self._named = min(total, _MOST_NAMED)
        self._reasons = RawArray("c", self._named * _LINE_BYTES)  # of the first of them
        self._count = multiprocessing.Value("q", 0)
        self._reported = 0

    @property
    def count(self) -> int:
        """How many of the photos met so far cannot be read."""
        return int(self._count.value)

    def add(self, index: int, reason: str) -> None:
        """Note a photo unless it is known; in the main process, report it."""
        with self._count.get_lock():
            if not self._bad[index]:
                if self.count < self._named:
                    line, start = reason.encode("utf-8", "surrogateescape")[:_LINE_BYTES], self.count * _LINE_BYTES
                    self._reasons[start : start + len(line)] = line
                kind = bisect_right(self._ends, index)
                self._counts[kind], self._newest[kind] = self._counts[kind] + 1, self.count
                self._bad[index], self._order[self.count] = 1, index
                self._count.value += 1
        if get_worker_info() is None:
            self.report()

    def check(self) -> None:
        """``UserError`` if more than ``max_fraction`` of the photos of a kind, or all of them, are bad."""
        for bad, newest, total in zip(self._counts, self._newest, self._totals, strict=True):
            if bad:
                last = f"last: {self._reason(min(newest, self._named - 1))}"
                check_share(bad, total, max_fraction=self.max_fraction, kind=self.kind, such=last)

    def report(self) -> None:
        """Log what has been noted since the last time; only the main process calls it."""
        noted = self.count
        for number in range(self._reported, min(noted, self._named)):
            log.warning("%s; %s", self._reason(number), self.consequence)
        if self._reported <= self._named < noted:
            log.warning("further unreadable photos are counted, but no longer named")
        self._reported = noted

    def noted(self) -> dict[int, str]:
        """The bad photos by number, each with the reason, which is empty after the first thousand."""
        return {index: self._reason(number) for number, index in enumerate(self._order[: self.count])}

    def learn(self, noted: Mapping[int, str]) -> None:
        """Add what another process of the run has noted."""
        for index, reason in noted.items():
            self.add(index, reason)

    def _reason(self, number: int) -> str:
        line: bytes = self._reasons[number * _LINE_BYTES : (number + 1) * _LINE_BYTES]
        return line.rstrip(b"\0").decode("utf-8", "replace")


def check_share(bad: int, total: int, *, max_fraction: float, kind: str, such: str) -> None:
    """``UserError`` if more than ``max_fraction`` of the photos, or all, are bad; ``such`` names one of them."""
    if bad and bad == total:
        raise UserError(f"none of the {total} {kind} photos can be read; the {such}; give other photos")
    if bad > max_fraction * total:
        raise UserError(
            f"data.max_bad_fraction={max_fraction:g} is exceeded: {bad} of {total} {kind} photos cannot be read; "
            f"the {such}; remove the bad ones or raise the limit"
        )
