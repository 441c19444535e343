"""One pass over the photos, decoded side by side by worker processes; the checks of photos read its result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import rich
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.data import DataLoader, Dataset

from esrgan_train.cores import usable_cores
from esrgan_train.data.sources import Source, Sources
from esrgan_train.data.workers import WorkerIterator, start_method, start_worker
from esrgan_train.doctor.alignment import Alignment, alignment_of
from esrgan_train.errors import UserError
from esrgan_train.screening.fingerprint import fingerprint
from esrgan_train.screening.luma import luma_of

MOST = 1000  # photos of each kind that are decoded unless all are asked for


@dataclass(frozen=True)
class Seen:
    """What one photo showed; plain values, which travel between processes."""

    index: int
    size: tuple[int, int] = (0, 0)  # HR (height, width), upright
    fingerprint: str = ""
    alignment: Alignment | None = None
    reason: str = ""  # why it cannot be used; empty if it can


class Examined(NamedTuple):
    """The photos of one source that were decoded, in order."""

    source: Source
    photos: list[Seen]

    @property
    def good(self) -> list[Seen]:
        """Those that can be used."""
        return [seen for seen in self.photos if not seen.reason]

    @property
    def bad(self) -> list[Seen]:
        """Those that cannot."""
        return [seen for seen in self.photos if seen.reason]

    @property
    def kinds(self) -> list[Examined]:
        """The photos and the pairs by themselves; of one kind, itself."""
        found, start = [], 0
        for source in self.source.kinds:
            end = start + len(source)
            inside = [replace(seen, index=seen.index - start) for seen in self.photos if start <= seen.index < end]
            found.append(Examined(source, inside))
            start = end
        return found

    @property
    def coverage(self) -> str:
        """How many of how many were decoded."""
        count, total = len(self.photos), len(self.source)
        if count == total:
            return f"all {total:,}" if total > 1 else "1 of 1"
        return f"{count:,} of {total:,} (evenly spread; --all takes all)"


class Examination(NamedTuple):
    """What the pass found."""

    training: Examined
    validation: Examined


def examine(sources: Sources, *, upscale: int, every: bool) -> Examination:
    """Decode the photos of both sources, at most ``MOST`` of each unless ``every`` one is asked for."""
    sides = (sources.training, sources.validation)
    chosen = [_chosen(side, None if every else MOST) for side in sides]
    places = [(number, index) for number, indices in enumerate(chosen) for index in indices]
    columns = (TextColumn("decoding"), BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn())
    seen: list[Seen] = []
    console = rich.get_console()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(places))
        for one in _each(_Look(sides, places, upscale)):
            seen.append(one)
            progress.advance(task)
    count = len(chosen[0])
    return Examination(Examined(sides[0], seen[:count]), Examined(sides[1], seen[count:]))


def _chosen(side: Source, most: int | None) -> list[int]:
    chosen, start = [], 0
    for kind in side.kinds:
        chosen += [start + index for index in _spread(len(kind), most)]
        start += len(kind)
    return chosen


def _spread(count: int, most: int | None) -> Sequence[int]:
    if most is None or count <= most:
        return range(count)
    return [int(position) for position in np.linspace(0, count - 1, most)]


class _Look(Dataset[Seen]):
    """Decodes photo (side, index), and keeps what the checks need of it."""

    def __init__(self, sides: Sequence[Source], places: Sequence[tuple[int, int]], upscale: int) -> None:
        self.sides = sides
        self.places = places
        self.upscale = upscale

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> Seen:
        side, index = self.places[number]
        source = self.sides[side]
        try:
            hr, lr, *_ = source.decode(index)
            hr, lr = hr[:, :], None if lr is None else lr[:, :]  # read, where it lies elsewhere
            alignment = None if lr is None else alignment_of(hr, lr, self.upscale)
            return Seen(index, hr.shape[:2], fingerprint(luma_of(hr)), alignment)
        except UserError as error:
            return Seen(index, reason=str(error))
        except Exception as error:  # noqa: BLE001 — a source may be a stranger's, and training would end here
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            return Seen(index, reason=f"{source.place(index)} cannot be read: {reason}")


class _Loader(DataLoader[Seen]):
    """One photo at a time from each worker, in order."""

    def __init__(self, photos: _Look) -> None:
        workers = min(usable_cores(), len(photos))
        super().__init__(
            photos,
            num_workers=workers if workers > 1 else 0,
            collate_fn=itemgetter(0),
            worker_init_fn=start_worker,
            multiprocessing_context=start_method() if workers > 1 else None,
        )

    def _get_iterator(self) -> Any:
        return WorkerIterator(self) if self.num_workers else super()._get_iterator()


def _each(photos: _Look) -> Iterator[Seen]:
    iterator: Any = iter(_Loader(photos))
    try:
        yield from iterator
    finally:
        if isinstance(iterator, WorkerIterator):
            iterator.end_at_once()
