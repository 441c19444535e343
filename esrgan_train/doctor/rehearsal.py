"""Real iterations of each stage that will come, on the device: their memory and their time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from esrgan_train.inference.memory import give_back, ran_out
from esrgan_train.resident import available_memory, forget_peak, has_peak_memory, held_memory, peak_memory
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import StageName

Batch = dict[str, Tensor]

_TIMED = 3  # iterations after the first, which warms up
_SECONDS = 10.0  # after which no further one is timed
_KEPT_FREE = 0.1  # share of the memory that a batch should leave


class Stage(NamedTuple):
    """What a stage takes."""

    name: StageName
    iterations: int  # that are left of it
    seconds: float  # for an iteration on the whole batch


class Peak(NamedTuple):
    """The most memory that the iterations held, against what there is for this process."""

    used: int  # bytes
    room: int  # bytes, what the process held before included


class Forecast(NamedTuple):
    """How the memory grows with the batch."""

    base: float  # bytes without any sample
    each: float  # bytes of a sample
    room: int

    def used(self, size: int) -> float:
        """Bytes that a batch of ``size`` takes."""
        return self.base + size * self.each

    @property
    def largest(self) -> int:
        """The largest batch that leaves a tenth of the room free; 0 if none does."""
        free = (1 - _KEPT_FREE) * self.room - self.base
        return max(0, int(free / self.each)) if self.each else 0


class Rehearsal:
    """A module on its device, which it trains for some iterations; use it for nothing else afterwards.

    Args:
        module: whose optimizers do not exist yet.
        device: to train on.
        max_steps: of the run.
        done: iterations that the run resumes after.
        parts: batches that one iteration accumulates.
        shared_by: processes of this run on this machine, which share its memory if the device is a CPU.
    """

    def __init__(
        self, module: ESRGANModule, device: torch.device, *, max_steps: int, done: int, parts: int, shared_by: int
    ) -> None:
        self.module = module.to(device)
        self.device = device
        self.max_steps = max_steps
        self.done = done
        self.parts = parts
        self.shared_by = shared_by if device.type == "cpu" else 1
        module.step.make_optimizers()

    @property
    def measures_memory(self) -> bool:
        """Whether this system tells how much is used."""
        return self.device.type == "cuda" or (self.device.type == "cpu" and has_peak_memory())

    def room(self) -> int | None:
        """Bytes that there are for this process, in all; None where the system does not say."""
        if self.device.type == "cuda":
            free, _ = torch.cuda.mem_get_info(self.device)
            return int(free) + torch.cuda.memory_reserved(self.device)
        free_on_host = available_memory()
        return None if free_on_host is None else free_on_host // self.shared_by + held_memory()

    def coming(self) -> Iterator[tuple[StageName, int, int]]:
        """Each stage that will come, its iterations, and the iterations done when all its losses count."""
        objective = self.module.objective
        for name, stage in objective.stages.items():
            start = max(stage.start, self.done)
            stop = self.max_steps if stage.stop is None else min(stage.stop, self.max_steps)
            if start < stop:
                warm = objective.discriminator_warmup if name == "gan" else 0
                yield name, stop - start, min(max(start, stage.start + warm), stop - 1)

    def run(self, batch: Batch, size: int) -> Peak | None:
        """One iteration of each stage on ``size`` samples at once; None if memory ran out."""
        give_back()
        self._forget_peak()
        room = self.room()
        try:
            for _, _, at in self.coming():
                self._iterate(batch, size, at)
        except (RuntimeError, MemoryError) as error:
            if not ran_out(error):
                raise
            for network in self.module.step.networks:
                network.zero_grad(set_to_none=True)
            return None
        return Peak(self._peak(), room or 0)

    def stages(self, batch: Batch, size: int) -> list[Stage]:
        """The seconds of an iteration of each stage; ``run`` has warmed them up."""
        found = []
        for name, iterations, at in self.coming():
            seconds: list[float] = []
            while len(seconds) < _TIMED and sum(seconds) < _SECONDS:
                started = time.perf_counter()
                self._iterate(batch, size, at)
                seconds.append(time.perf_counter() - started)
            found.append(Stage(name, iterations, min(seconds)))
        return found

    def forecast(self, batch: Batch, size: int) -> Forecast | None:
        """What batches of other sizes take, from two smaller ones; None if even these do not fit."""
        few = max(1, size // 8)
        more = max(few + 1, size // 4)
        low, high = self.run(batch, few), self.run(batch, more)
        if low is None or high is None:
            return None
        each = max(high.used - low.used, 0) / (more - few)
        return Forecast(base=high.used - more * each, each=each, room=high.room)

    def _iterate(self, batch: Batch, size: int, at: int) -> None:
        """One iteration, after which the device has nothing left to do."""
        part = {name: tensor[: size * self.parts].to(self.device) for name, tensor in batch.items()}
        self.module.step(part, done=at, max_steps=self.max_steps)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def _forget_peak(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        elif self.measures_memory:
            forget_peak()

    def _peak(self) -> int:
        if self.device.type == "cuda":
            return int(torch.cuda.max_memory_reserved(self.device))
        return peak_memory() if self.measures_memory else 0
