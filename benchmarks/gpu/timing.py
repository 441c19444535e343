"""Timing what runs on a device."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from benchmarks.gpu.clock import wait_for


def seconds_of(run: Callable[[], object], device: torch.device, *, repeats: int, warm_up: int = 2) -> float:
    """The median of some repeats, each until the device has done its work."""
    found = []
    for number in range(warm_up + repeats):
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
