"""Marks in the work of a device, by which callbacks time it without waiting for it."""

from __future__ import annotations

import time
from typing import Protocol

import torch


class Mark(Protocol):
    """A point in the work that has been given to a device."""

    def reached(self) -> bool:
        """Whether the device has got there."""

    def seconds_since(self, earlier: Mark) -> float:
        """How long the device took from ``earlier`` to here; both must be reached."""


class HostMark:
    """A mark where work is done when it is given."""

    def __init__(self) -> None:
        self.time = time.perf_counter()

    def reached(self) -> bool:
        return True

    def seconds_since(self, earlier: Mark) -> float:
        assert isinstance(earlier, HostMark)
        return self.time - earlier.time


class CudaMark:
    """A mark in the current stream of a GPU, which works while the host goes on."""

    def __init__(self) -> None:
        self.event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        self.event.record()

    def reached(self) -> bool:
        return bool(self.event.query())  # type: ignore[no-untyped-call]

    def seconds_since(self, earlier: Mark) -> float:
        assert isinstance(earlier, CudaMark)
        return float(earlier.event.elapsed_time(self.event)) / 1000


def mark_on(device_type: str) -> Mark:
    """A mark after all work given so far."""
    return CudaMark() if device_type == "cuda" else HostMark()
