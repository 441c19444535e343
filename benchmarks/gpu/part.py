"""A part of the kit: measurements that are made one after the other, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.gpu.figure import Figure
from benchmarks.gpu.sizes import Sizes


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Where a part runs.

    Attributes:
        device: what is measured.
        sizes: how much.
        folder: for files, which are deleted afterwards.
    """

    device: torch.device
    sizes: Sizes
    folder: Path


@dataclass(frozen=True)
class Measurement:
    """Something to measure; its name stands in the table if it fails or there is no time for it."""

    key: str
    name: str
    run: Callable[[], Iterable[Figure]]


Part = Callable[[Setting], list[Measurement]]
