"""Whether the loader keeps up with the training, and how long the run will take."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from esrgan_train.doctor.finding import Finding
from esrgan_train.doctor.rehearsal import Stage
from esrgan_train.doctor.sampling import Drawn
from esrgan_train.hours.words import shown_duration, shown_seconds
from esrgan_train.training.stages import STAGE_NAMES

TOLERATED = 0.1  # share of the time spent waiting
_HEADROOM = 1.1  # workers beyond those that would just keep up
_LARGE = 0.3  # share of a sample's time from which on decoding is worth sparing


class Loading(NamedTuple):
    """What makes the samples of one process."""

    samples: int  # of an iteration
    seconds: float  # of one core, for a sample
    cores: int  # that this process may use
    beside: bool  # whether the training computes on the same cores

    @property
    def work(self) -> float:
        """Seconds of one core for the samples of an iteration."""
        return self.samples * self.seconds

    def busy(self, training: float) -> float:
        """Seconds for which an iteration computes, beside workers that take their share of the cores."""
        return training + self.work / self.cores if self.beside else training

    def iteration(self, training: float, workers: int) -> float:
        """Seconds of an iteration whose own work takes ``training`` seconds."""
        if workers == 0:
            return training + self.work
        return max(self.busy(training), self.work / min(workers, self.cores))

    def waiting(self, training: float, workers: int) -> float:
        """The share of an iteration in which no sample is there."""
        busy = self.busy(training) if workers else training
        return 1 - busy / self.iteration(training, workers)

    def workers_for(self, training: float) -> int:
        """Workers that keep up with iterations of ``training`` seconds, however many cores that takes."""
        return max(1, math.ceil(_HEADROOM * self.work / self.busy(training)))


def speed_check(
    stages: Sequence[Stage], drawn: Drawn, loading: Loading, *, workers: int, pack: str | None, device: str = ""
) -> Iterator[Finding]:
    """Compare the loader with the stages that will come.

    Args:
        stages: with the seconds of an iteration.
        drawn: what a sample takes.
        loading: of this process.
        workers: that it has.
        pack: how these photos are packed; None if they cannot be packed, or are.
        device: what to give so that the GPU makes LR; empty if it does, or nothing helps.
    """
    wanted = max(loading.workers_for(stage.seconds) for stage in stages)
    most = max(1, loading.cores if loading.beside else loading.cores - 1)
    worst = max(loading.waiting(stage.seconds, workers) for stage in stages)
    share = drawn.decoding / drawn.seconds
    sample = f"{1000 * drawn.seconds:.0f} ms of a core for a sample, {share:.0%} of it decoding"
    what = f"{sample}; with data.num_workers={workers} training waits for data {worst:.0%} of its time"
    enough = f"data.num_workers={min(wanted, most)}"
    if worst <= TOLERATED:
        yield Finding("loader", "ok", f"{what}; {enough} is enough")
    else:
        remedy = f"give {device}, and the GPU degrades the samples" if device else None
        remedy = remedy or _remedy(wanted, most, workers, loading, pack if share > _LARGE else None)
        yield Finding("loader", "note", what, remedy)
    yield _length(stages, loading, workers)


def _remedy(wanted: int, most: int, workers: int, loading: Loading, pack: str | None) -> str:
    if wanted <= most:
        return f"give data.num_workers={wanted}"
    ways = [f"give data.num_workers={most}"] if workers < most else []
    if pack is not None:
        ways.append(pack)
    else:
        ways.append("smaller photos, a larger data.cache_mb, or a machine with more cores")
    lacking = f"{wanted} workers would keep up, {loading.cores} cores are there"
    return f"{lacking}: {', and '.join(ways)}"


def _length(stages: Sequence[Stage], loading: Loading, workers: int) -> Finding:
    parts, total = [], 0.0
    for stage in stages:
        each = loading.iteration(stage.seconds, workers)
        total += stage.iterations * each
        parts.append(
            f"{STAGE_NAMES[stage.name]} {stage.iterations:,} iterations of {shown_seconds(each)}: "
            f"{shown_duration(stage.iterations * each)}"
        )
    what = f"about {shown_duration(total)}, without validations ({'; '.join(parts)})"
    return Finding("length", "ok", what)
