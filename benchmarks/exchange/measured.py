"""The file of results, and the table of docs/scaling.md from it alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.exchange.measure import BUCKETS, FLAT, Turns
from benchmarks.results import read_record, write_json
from benchmarks.timing import spread

_HEADINGS = (
    "| processes | stage | buckets | flat, ms | in buckets, ms | flat / in buckets |",
    "|---|---|---|---|---|---|",
)


@dataclass(frozen=True)
class Measured:
    """What a file holds: the machine, as ``machine.describe_machine``, and what was measured on it."""

    machine: Mapping[str, Any]
    gt_size: int
    turns: Sequence[Turns]


def read(path: Path) -> Measured | None:
    """What a file holds; None if there is none.

    Raises:
        UserError: it is no such file.
    """
    return read_record(path, "python -m benchmarks.exchange", _parsed)


def _parsed(content: Any) -> Measured:
    return Measured(content["machine"], content["gt_size"], [Turns(**each) for each in content["turns"]])


def write(path: Path, measured: Measured) -> None:
    """Write everything as JSON."""
    write_json(path, asdict(measured))


def section_of(measured: Measured | None) -> str:
    """All between the markers: the table, and on what it was measured."""
    if measured is None:
        return "Not measured yet."
    lines = [*_HEADINGS, *map(_line, measured.turns), "", _circumstances(measured)]
    return "\n".join(lines)


def _line(turns: Turns) -> str:
    flat, buckets = turns.seconds[FLAT], turns.seconds[BUCKETS]
    figures = [_figure(flat, 1000, ".0f"), _figure(buckets, 1000, ".0f")]
    ratios = _figure([one / other for one, other in zip(flat, buckets, strict=True)], 1, ".2f")
    return f"| {turns.processes} | {turns.stage} | {turns.buckets} | {' | '.join(figures)} | {ratios} |"


def _figure(values: Sequence[float], scale: float, form: str) -> str:
    least, median, most = (format(value, form) for value in spread(values, scale=scale))
    return f"{median} ({least} to {most})"


def _circumstances(measured: Measured) -> str:
    machine = measured.machine
    threads = ", ".join(dict.fromkeys(str(turns.threads) for turns in measured.turns))
    rounds = max(len(turns.seconds[FLAT]) for turns in measured.turns)
    parts = (
        f"GT {measured.gt_size}, one sample for each process",
        f"{rounds} rounds, median (smallest to largest); ratios round by round",
        f"gloo, threads of each process: {threads}",
        f"{machine['cores']} cores of {machine['cpu']}",
        f"load {machine['load_average_at_start']} at the start",
        f"torch {machine['versions']['torch']}",
    )
    return f"{'; '.join(parts)}."
