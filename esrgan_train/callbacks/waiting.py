"""A warning, once a run, that training waits for data, with what would feed it."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from annotated_types import Gt, Lt
from lightning import Callback, Trainer

from esrgan_train.bounds import Count, NonNegative, bounded
from esrgan_train.callbacks.marks import Mark, mark_on
from esrgan_train.commands import command
from esrgan_train.data.datamodule import DataModule
from esrgan_train.training.module import ESRGANModule

log = logging.getLogger(__name__)

_FIRST = 20  # iterations of a process that do not count: the workers start and work ahead


class Iteration(NamedTuple):
    """An iteration and the time before it, of which the host spent ``blocked`` seconds waiting for the batch."""

    before: Mark  # the end of the last one
    start: Mark
    end: Mark
    step: int
    blocked: float

    @property
    def seconds(self) -> float:
        """From the end of the last iteration to the end of this one."""
        return self.end.seconds_since(self.before)

    @property
    def waited(self) -> float:
        """Seconds for which the device had nothing to do because there was no batch."""
        return min(self.blocked, self.start.seconds_since(self.before))


class Span:
    """Successive iterations, and which share of their time was spent waiting."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.last = 0
        self.count = 0
        self.seconds = 0.0
        self.waited = 0.0

    def add(self, iteration: Iteration) -> None:
        """Count one more."""
        self.first = iteration.step if self.first is None else self.first
        self.last = iteration.step
        self.count += 1
        self.seconds += iteration.seconds
        self.waited += iteration.waited

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.waited / self.seconds if self.seconds else 0.0


class Waiting(Callback):
    """Warns, once, when training waits for data for more than ``limit`` of the time.

    Counted is the time in which the host waits for a batch and the device has nothing left to do: a GPU may still
    be busy with earlier iterations. Validation, checkpoints and previews do not count as waiting. Of several
    processes the first is watched; ``run`` holds all that it has
    done since it started.

    Args:
        limit: of the share.
        iterations: that are looked at together, at least.
        seconds: that these take, at least.
    """

    @bounded
    def __init__(self, *, limit: Annotated[float, Gt(0), Lt(1)], iterations: Count, seconds: NonNegative) -> None:
        self.limit = limit
        self.iterations = iterations
        self.seconds = seconds
        self.warned = False
        self.run = Span()
        self._span = Span()
        self._seen = 0
        self._waited = 0.0  # by the loader's count, until the end of the last iteration
        self._before: Mark | None = None
        self._start: tuple[Mark, float] | None = None
        self._pending: deque[Iteration] = deque()  # that the device has not done yet

    def on_train_start(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        self._before = self._start = None

    def on_train_batch_start(self, trainer: Trainer, pl_module: ESRGANModule, *_: Any) -> None:
        if self._before is not None:
            self._start = mark_on(pl_module.device.type), _waited(trainer) - self._waited

    def on_train_batch_end(self, trainer: Trainer, pl_module: ESRGANModule, *_: Any) -> None:
        end = mark_on(pl_module.device.type)
        if self._before is not None and self._start is not None and self._seen >= _FIRST:
            start, blocked = self._start
            self._pending.append(Iteration(self._before, start, end, trainer.global_step, blocked))
        self._seen += 1
        self._before, self._start, self._waited = end, None, _waited(trainer)
        while self._pending and self._pending[0].end.reached():
            iteration = self._pending.popleft()
            self.run.add(iteration)
            self._span.add(iteration)
        if self._span.count >= self.iterations and self._span.seconds >= self.seconds:
            self._judge(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        """What comes between two iterations now is no waiting."""
        self._before = None

    def _judge(self, trainer: Trainer) -> None:
        span, self._span = self._span, Span()
        datamodule = trainer.datamodule  # type: ignore[attr-defined]
        if span.share <= self.limit or self.warned or not trainer.is_global_zero:
            return
        self.warned = True
        log.warning(
            "iterations %d to %d: training waited for data %.0f %% of the time: %s",
            *(span.first, span.last, 100 * span.share, remedy(datamodule, span.share)),
        )


def remedy(datamodule: DataModule, share: float) -> str:
    """What would feed a training that waits for a ``share`` of the time."""
    plans, packing, site = datamodule.workers, datamodule.training.source.packing, datamodule.site
    workers, most = plans.training.count, max(1, plans.cores - 1)
    if site.remedy:
        return f"give {site.remedy}, and the GPU degrades the samples"
    if plans.shortage is not None:
        return plans.shortage
    enough = workers_needed(workers, share)
    more = f"data.num_workers={min(enough, most)} instead of {workers}"
    if enough <= most:
        return f"give {more}"
    way = f"give {more}, and " if workers < most else f"{_all(plans.cores)} in use: "
    if packing:
        return way + packing_advice(packing)
    by_workers = datamodule.training.degradation is not None and site.device is None
    lighter = ", degradation=light" if by_workers else ""
    return f"{way}give more cores{lighter} or a smaller data.gt_size"


def workers_needed(workers: int, share: float) -> int:
    """So many that training no longer waits, if ``workers`` at work all the time made it wait for ``share``."""
    at_work = workers or share  # without workers, batches are made in the time that is waited
    return math.ceil(round(at_work / (1 - share), 6))  # 0.9 / (1 - 0.9) is a little more than 9


def packing_advice(arguments: Sequence[str]) -> str:
    """How photos are decoded once and for all; ``arguments`` as in ``Source.packing``."""
    line = command("esrgan_train.prepare", *arguments, "-o", "PACKED")
    return f"decode the photos once with {line}, and give data.train_dir=PACKED"


def _all(cores: int) -> str:
    return "the only core is" if cores == 1 else f"all {cores} cores are"


def _waited(trainer: Trainer) -> float:
    datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
    return datamodule.waited if isinstance(datamodule, DataModule) else 0.0
