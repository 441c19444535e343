"""The method against measurements: iterations of a results file, predicted from the rates in the same file."""

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
    """Each iteration of the file for which it has rates."""
    rates, memory = results.floor["conv_gflops"], results.floor["memory_gb_per_second"] * 1e9
    for key, iteration in ITERATIONS.items():
        precision = "32" if iteration.fp32 or "bf16" not in rates else "bf16"
        if (row := results.rows.get(key)) is None or precision not in rates:
            continue
        costs = costs_of(key, gt_size=row.sizes["gt_size"], precision=precision)
        if costs.keys() <= rates[precision].keys():
            seconds = sum(
                cost.flops / (rates[precision][name] * 1e9) + cost.numbers * _BYTES[precision] / memory
                for name, cost in costs.items()
            )
            yield Check(row, row.sizes["batch_size"] * seconds)
