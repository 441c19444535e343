"""Times a run from inside: how fast it trains, how long it waits, and how often it stops for the device."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

from benchmarks.gpu.sizes import Sizes
from esrgan_train.resident import forget_peak, has_peak_memory, peak_memory

_MIB = 2**20
_WAIT = "called a synchronizing CUDA operation"  # torch's warning


def wait_for(device: torch.device) -> None:
    """Until the device has done what it was asked to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def forget_peak_of(device: torch.device) -> None:
    """Measure ``peak_mib`` from here on."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif has_peak_memory():
        forget_peak()


def peak_mib(device: torch.device) -> float:
    """The most memory that was held, in MiB: of the GPU, or of this process."""
    return (torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_memory()) / _MIB


@contextmanager
def noting_waits() -> Iterator[list[warnings.WarningMessage]]:
    """Within, a warning is noted for each time that the host waits for the GPU, among any others."""
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield noted
        finally:
            torch.cuda.set_sync_debug_mode(before)


def waits_in(noted: list[warnings.WarningMessage]) -> int:
    """How many of the warnings are of a wait."""
    return sum(_WAIT in str(each.message) for each in noted)


class Clock(Callback):
    """Lets a run warm up, times it, counts the host's waits, and ends it.

    Attributes:
        seconds: of the timed iterations, with what the device had still to do.
        timed: how many these were.
        waited: seconds of them in which the loop waited for a batch.
        peak: MiB held at most meanwhile.
        waits: of the host for the device, in each later iteration that wrote no line of the log; zeros on a CPU.
    """

    def __init__(self, sizes: Sizes, device: torch.device) -> None:
        self.sizes, self.device = sizes, device
        self.seconds = self.waited = self.peak = 0.0
        self.timed = 0
        self.waits: list[int] = []
        self._phase = self._warm_up
        self._iterations = 0
        self._since = time.perf_counter()
        self._noting = ExitStack()
        self._noted: list[warnings.WarningMessage] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start to warm up."""
        self._since = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """An iteration of the current phase is done."""
        self._iterations += 1
        self._phase(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note no longer."""
        self._noting.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Note no longer."""
        self._noting.close()

    def _lasts(self, least: tuple[float, int]) -> bool:
        """Whether a phase has still to go on."""
        seconds, iterations = least
        return self._iterations < iterations or time.perf_counter() - self._since < seconds

    def _warm_up(self, trainer: Trainer) -> None:
        if self._lasts(self.sizes.warm_up):
            return
        wait_for(self.device)
        forget_peak_of(self.device)
        self.waited = _waited(trainer)
        self._phase, self._iterations, self._since = self._time, 0, time.perf_counter()

    def _time(self, trainer: Trainer) -> None:
        if self._lasts(self.sizes.timed):
            return
        wait_for(self.device)
        self.seconds, self.waited = time.perf_counter() - self._since, _waited(trainer) - self.waited
        self.peak, self.timed = peak_mib(self.device), self._iterations
        self._phase = self._count
        if self.device.type == "cuda":
            self._noted = self._noting.enter_context(noting_waits())

    def _count(self, trainer: Trainer) -> None:
        if trainer.global_step % trainer.log_every_n_steps:  # type: ignore[attr-defined]
            self.waits.append(waits_in(self._noted))
        self._noted.clear()
        if len(self.waits) >= self.sizes.counted:
            trainer.should_stop = True


def _waited(trainer: Trainer) -> float:
    return float(trainer.datamodule.waited)  # type: ignore[attr-defined]
