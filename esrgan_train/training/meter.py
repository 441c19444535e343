"""Means of what an iteration measures, between two lines of the log."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from esrgan_train.processes import all_reduce_mean


class Meter:
    """Sums named scalars on their own device and reads them back only on demand: one copy to the host an interval.

    The names stay the same from one restart to the next.
    """

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._sums: Tensor | None = None
        self._samples = 0
        self._started = time.perf_counter()
        self._paused_at = self._started

    def restart(self) -> None:
        """Forget what was added and start the clock."""
        self._sums = None
        self.start_clock()

    def start_clock(self) -> None:
        """Measure the rate from here on."""
        self._samples = 0
        self._started = time.perf_counter()

    def state_dict(self) -> dict[str, Any]:
        """What was added since the restart, for the checkpoint."""
        sums = self._sums.tolist() if self._sums is not None else None
        return {"names": list(self._names), "sums": sums}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what was added; the clock and the rate start from zero."""
        self._names = tuple(state_dict["names"])
        self._sums = torch.tensor(state_dict["sums"]) if state_dict["sums"] is not None else None

    def pause(self) -> None:
        """Stop the clock until ``resume``."""
        self._paused_at = time.perf_counter()

    def resume(self) -> None:
        """Start the clock again."""
        self._started += time.perf_counter() - self._paused_at

    def add(self, values: dict[str, Tensor], *, skip: Tensor, samples: int) -> None:
        """Add one iteration's scalars, made from ``samples`` samples; none of them if ``skip`` is 1."""
        if self._sums is None:
            self._names = tuple(values)
        assert self._names == tuple(values), "restart the meter when a stage measures other things"
        stacked = torch.stack([value.float() for value in values.values()])
        # One more figure: how many iterations count. A skipped one may hold NaN, which no factor removes.
        counted = torch.where(
            skip > 0, torch.zeros((), device=stacked.device), torch.cat([stacked, torch.ones_like(stacked[:1])])
        )
        self._sums = counted if self._sums is None else self._sums.to(counted.device) + counted
        self._samples += samples

    def means(self) -> dict[str, float]:
        """The means over all processes and ``samples_per_second`` since the restart.

        Empty when nothing was added; without the means when every iteration was skipped.
        """
        if self._sums is None:
            return {}
        totals = self._sums.clone()
        all_reduce_mean([totals])
        *sums, count = totals.tolist()
        means = {name: value / count for name, value in zip(self._names, sums, strict=True)} if count else {}
        means["samples_per_second"] = self._samples / max(time.perf_counter() - self._started, 1e-9)
        return means
