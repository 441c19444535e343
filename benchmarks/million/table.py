"""The table in docs/scaling.md, from the file of results alone."""

from __future__ import annotations

from benchmarks.million.measured import Case, Measured

_FIGURES = (
    ("open_seconds", 1.0, ".2f"),
    ("first_batch_seconds", 1.0, ".1f"),
    ("worker_bytes", 2**-20, ".0f"),
    ("samples_per_second", 1.0, ".0f"),
)
_HEADINGS = (
    "| entries | from | cache | open, s | first batch, s | a worker's own memory, MiB | samples/s, one worker |",
    "|---|---|---|---|---|---|---|",
)


def section_of(measured: Measured | None) -> str:
    """All between the markers: the table, and on what it was measured."""
    if measured is None:
        return "Not measured yet."
    lines = [*_HEADINGS, *(_line(measured, case) for case in measured.visits)]
    return "\n".join([*lines, "", _circumstances(measured)])


def _line(measured: Measured, case: Case) -> str:
    figures = [_figure(measured, case, *figure) for figure in _FIGURES]
    return "| " + " | ".join([f"{case.entries:,}", case.place, case.state, *figures]) + " |"


def _figure(measured: Measured, case: Case, name: str, scale: float, form: str) -> str:
    """The median, and the smallest and largest where there are several."""
    least, median, most = (format(value, form) for value in measured.spread_of(case, name, scale=scale))
    return median if len(measured.visits[case]) == 1 else f"{median} ({least} to {most})"


def _circumstances(measured: Measured) -> str:
    sizes, machine = measured.sizes, measured.machine
    rounds = max(len(visits) for visits in measured.visits.values())
    parts = (
        f"{sizes.samples:,} samples of GT {sizes.gt_size} from entries of {sizes.side} × {sizes.side} pixels",
        f"{rounds} round{'s' if rounds > 1 else ''}, median (smallest to largest)",
        f"{machine['cores']} cores of {machine['cpu']}",
        f"load {machine['load_average_at_start']} at the start",
        f"torch {machine['versions']['torch']}",
    )
    return f"{'; '.join(parts)}."
