"""profile.csv and a table: where the time of an iteration goes."""

from __future__ import annotations

import csv
import os
import time
from bisect import bisect_right
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import rich
import torch
from lightning import Callback, Trainer
from rich.table import Table
from torch.autograd import DeviceType  # type: ignore[attr-defined]
from torch.profiler import ProfilerActivity, profile, record_function

from esrgan_train.bounds import WholeNumber, bounded
from esrgan_train.files import replacing, reporting_failure
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import StageName

FILE_NAME = "profile.csv"
PREFIX = "esrgan/"  # of the ranges that the training step records
WAIT = "data wait"
_MOST = 50  # measured iterations of a stage; the profiler keeps every operation


class Profile(Callback):
    """Measures the parts of an iteration in both stages, by the ranges that the training step records.

    On a GPU a part's time is that of its kernels, and the iteration waits for them at its end. The backward pass
    of a loss counts to the network that its gradients pass through first; ``gradients`` is their average over
    processes, their norm and clipping; ``other`` is what is left, mostly other callbacks. The first ``warmup``
    iterations of each stage do not count.
    """

    @bounded
    def __init__(self, *, run_dir: str, warmup: WholeNumber) -> None:
        self.path = Path(run_dir) / FILE_NAME
        self.warmup = warmup
        self.iterations: dict[StageName, int] = defaultdict(int)  # that were measured
        self.seconds: dict[StageName, dict[str, float]] = defaultdict(lambda: defaultdict(float))
        self._seen: dict[StageName, int] = defaultdict(int)
        self._stage: StageName = "pixel"
        self._started = 0.0
        self._profiler: profile | None = None
        self._waiting = ExitStack()

    def on_train_start(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        self._start(trainer, pl_module)

    def on_train_batch_start(self, trainer: Trainer, pl_module: ESRGANModule, *_: Any) -> None:
        self._waiting.close()

    def on_train_batch_end(self, trainer: Trainer, pl_module: ESRGANModule, *_: Any) -> None:
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize()
        self._seen[pl_module.last_stage] += 1
        if self._profiler is not None:
            self.iterations[self._stage] += 1
        following = pl_module.objective.stage(trainer.global_step)
        if following != self._stage or self.iterations[self._stage] >= _MOST:
            self._stop()
        if self._profiler is None:
            self._start(trainer, pl_module)
        else:
            self._begin_wait()

    def on_validation_start(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        self._stop()

    def on_validation_end(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        if not trainer.sanity_checking:
            self._start(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        self._stop()
        if trainer.is_global_zero and self.iterations:
            rich.get_console().print(self.table())
            self.write()

    def on_exception(self, trainer: Trainer, pl_module: ESRGANModule, exception: BaseException) -> None:
        self._stop()

    def table(self) -> Table:
        """Milliseconds and share of an iteration, for each stage that was measured."""
        table = Table("part", title="where the time of an iteration goes")
        for stage in self.seconds:
            table.add_column(f"{stage} stage, ms", justify="right")
            table.add_column("%", justify="right")
        totals = {stage: sum(spans.values()) for stage, spans in self.seconds.items()}
        names = dict.fromkeys(span for stage in reversed(self.seconds) for span in self.seconds[stage])
        for name in (*names, "all"):
            cells = []
            for stage, spans in self.seconds.items():
                seconds = totals[stage] if name == "all" else spans.get(name, 0.0)
                cells += [f"{1000 * seconds / self.iterations[stage]:.1f}", f"{100 * seconds / totals[stage]:.0f}"]
            table.add_row(name, *cells)
        return table

    def write(self) -> None:
        """Seconds per iteration of each part, in the order in which things happen."""
        rows = [
            (stage, span, f"{seconds / self.iterations[stage]:.7g}")
            for stage, spans in self.seconds.items()
            for span, seconds in spans.items()
        ]
        with (
            reporting_failure(str(self.path)),
            replacing(self.path) as partial,
            partial.open("w", newline="", encoding="utf-8") as file,
        ):
            csv.writer(file).writerows([("stage", "span", "seconds_per_iteration"), *rows])

    def _start(self, trainer: Trainer, module: ESRGANModule) -> None:
        self._stage = module.objective.stage(trainer.global_step)
        if self._seen[self._stage] < self.warmup or self.iterations[self._stage] >= _MOST:
            return
        os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # it writes notes for its developers to stderr
        on_device = [ProfilerActivity.CUDA] if module.device.type == "cuda" else []
        self._profiler = profile(activities=[ProfilerActivity.CPU, *on_device])
        self._profiler.start()
        self._started = time.perf_counter()
        self._begin_wait()

    def _stop(self) -> None:
        if self._profiler is None:
            return
        self._waiting.close()
        elapsed = time.perf_counter() - self._started
        self._profiler.stop()
        spans = self.seconds[self._stage]
        for span, seconds in spans_of(self._profiler).items():
            spans[span] += seconds
            elapsed -= seconds
        self._profiler = None
        spans["other"] = spans.pop("other", 0.0) + max(0.0, elapsed)  # the last row

    def _begin_wait(self) -> None:
        self._waiting.enter_context(record_function(PREFIX + WAIT))  # ends when the stack is closed


def spans_of(profiler: profile) -> dict[str, float]:
    """Seconds of each recorded range, in their order; on a GPU those of its kernels, except for waiting for data.

    Backward passes run in a thread of autograd's, so a kernel belongs to the range in which it was started.
    """
    events = profiler.events()  # type: ignore[no-untyped-call]
    ranges = [e for e in events if e.name.startswith(PREFIX) and e.device_type == DeviceType.CPU]
    ranges.sort(key=lambda event: event.time_range.start)
    names = [event.name.removeprefix(PREFIX) for event in ranges]
    launches = [event for event in events if event.kernels]
    spans: dict[str, float] = defaultdict(float)
    for name, event in zip(names, ranges, strict=True):
        spans[name] += 0.0 if launches and name != WAIT else event.cpu_time_total / 1e6
    starts = [event.time_range.start for event in ranges]
    for event in launches:
        place = bisect_right(starts, event.time_range.start) - 1
        inside = place >= 0 and event.time_range.start < ranges[place].time_range.end
        if inside and names[place] != WAIT:
            spans[names[place]] += sum(kernel.duration for kernel in event.kernels) / 1e6
    return spans
