"""Timing what runs on a device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from benchmarks.gpu.clock import wait_for

_LONGEST = 5.0  # seconds after which no further repeat begins


def seconds_of(run: Callable[[], object], device: torch.device, *, repeats: int, warm_up: int = 1) -> float:
    """The median of some repeats, each until the device has done its work; fewer of what takes seconds."""
    found: list[float] = []
    for number in range(warm_up + repeats):
        if sum(found) > _LONGEST:
            break
        wait_for(device)
        began = time.perf_counter()
        run()
        wait_for(device)
        if number >= warm_up:
            found.append(time.perf_counter() - began)
    return statistics.median(found)


def seconds_back_to_back(run: Callable[[], object], device: torch.device, *, repeats: int, warm_up: int) -> float:
    """The mean of repeats that the host starts without waiting between them, as training does."""
    for _ in range(warm_up):
        run()
    wait_for(device)
    began = time.perf_counter()
    for _ in range(repeats):
        run()
    wait_for(device)
    return (time.perf_counter() - began) / repeats
