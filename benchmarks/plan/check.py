"""The method against measurements: iterations of a results file, predicted from what else the file holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.iterations import ITERATIONS, costs_of
from benchmarks.results import Results
from benchmarks.row import Row

_BYTES = {"32": 4, "bf16": 2}


class Check(NamedTuple):
    """A row of the file and what is predicted for it."""

    row: Row
    predicted: float  # seconds

    @property
    def error(self) -> float:
        """Of the prediction, as a share of what was measured."""
        return self.predicted / self.row.ours.median - 1

    def __str__(self) -> str:
        measured = f"measured {self.row.ours.median:.3g} s"
        return f"{self.row.name}: {measured}, predicted {self.predicted:.3g} s, error {self.error:+.0%}"


def checks(results: Results) -> Iterator[Check]:
    """Each iteration of the file whose convolutions it has measured."""
    memory = results.floor["memory_gb_per_second"] * 1e9
    for key, iteration in ITERATIONS.items():
        precision = "32" if iteration.fp32 or not results.machine.get("native_bf16") else "bf16"
        if (row := results.rows.get(key)) is None or row.floor is None:
            continue
        costs = costs_of(key, gt_size=row.sizes["gt_size"], precision=precision)
        moved = sum(cost.numbers for cost in costs.values()) * _BYTES[precision]
        yield Check(row, row.floor + row.sizes["batch_size"] * moved / memory)
