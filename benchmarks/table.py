"""The rows as a table: for the console, and for the README (``python -m benchmarks.table``)."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from rich.table import Table

from benchmarks.results import FOLDER, newest, read
from benchmarks.row import PUBLISHED, Row
from benchmarks.timing import Spread


def table_of(rows: Iterable[Row], *, title: str) -> Table:
    """One line per row: figures as min / median / max."""
    table = Table(title=title, show_lines=True)
    table.add_column("what", ratio=3)
    table.add_column("unit")
    for name in ("ours", "peer", "peer ÷ ours"):
        table.add_column(name, justify="right")
    table.add_column("goal")
    table.add_column("of the floor", justify="right")
    table.add_column("losses ours / peer, notes", ratio=4)
    for row in rows:
        table.add_row(
            row.name,
            row.unit,
            figures(row.ours),
            "–" if row.peer is None else figures(row.peer),
            "–" if row.ratio is None else f"{row.ratio:.2f}",
            "–" if row.goal is None else f"{goal(row)}: {verdict(row)}",
            "–" if row.floor_reached is None else f"{100 * row.floor_reached:.0f} %",
            remarks(row),
        )
    return table


def markdown(rows: Iterable[Row]) -> str:
    """The rows with a goal, each with its key, what was found, and whether that meets the goal."""
    lines = ["| row | what | found | goal | |", "|---|---|---|---|---|"]
    for row in rows:
        if row.goal is not None:
            outcome = verdict(row) if row.reached else f"**{verdict(row)}**"
            lines.append(f"| `{row.key}` | {row.name} | {found(row)} | {goal(row)} | {outcome} |")
    return "\n".join(lines)


def figures(spread: Spread) -> str:
    """Three significant digits each; one figure if all are the same."""
    texts = [number(value) for value in spread]
    return texts[0] if len(set(texts)) == 1 else " / ".join(texts)


def number(value: float) -> str:
    """Three significant digits without an exponent."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def goal(row: Row) -> str:
    """The goal in words."""
    assert row.goal is not None
    limit = f"{row.goal.limit:g}"
    return {"speedup": f"≥ {limit}×", "share": f"≤ {limit}×", "value": f"≤ {limit} {row.unit}"}[row.goal.of]


def found(row: Row) -> str:
    """The figure that the goal is about, in words."""
    if row.goal is None or row.figure is None:
        return "–"
    if row.goal.of == "value":
        return f"{number(row.figure)} {row.unit}"
    if row.goal.of == "share":
        return f"{row.figure:.3f}× ({row.peer_name})"
    return f"{row.figure:.3g}× as fast as the {row.peer_name}"


def verdict(row: Row) -> str:
    """Whether the goal is met."""
    return {True: "met", False: "missed", None: "not measured"}[row.reached]


def remarks(row: Row) -> str:
    """What the peer is if not the published code, the losses of both sides, and the note."""
    parts = [] if row.peer is None or row.peer_name == PUBLISHED else [f"peer: {row.peer_name}"]
    sides = row.losses.values()
    parts += [
        f"{name} " + " / ".join(f"{side[name]:.5g}" for side in sides if name in side)
        for name in dict.fromkeys(name for side in sides for name in side)
    ]
    return "; ".join([*parts, *([row.note] if row.note else [])])


if __name__ == "__main__":
    if (file := newest(FOLDER)) is None:
        sys.exit(f"there is no file in {FOLDER}: run python -m benchmarks")
    print(markdown(read(file).rows.values()))
