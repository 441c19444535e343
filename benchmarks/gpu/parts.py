"""The parts of the kit that measure, in their order."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.gpu.measure_degradation import degrading
from benchmarks.gpu.measure_steps import steps
from benchmarks.gpu.measure_training import training
from benchmarks.gpu.measure_upscaling import upscaling
from benchmarks.gpu.part import Part


@dataclass(frozen=True)
class Planned:
    """A part, and its share of the time."""

    plan: Part
    share: float


PARTS = {
    "steps": Planned(steps, 2),
    "training": Planned(training, 5),
    "upscaling": Planned(upscaling, 1),
    "degradation": Planned(degrading, 1),
}
