"""The rows as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from benchmarks.record import Row
from benchmarks.timing import Spread


def table_of(rows: Sequence[Row], *, title: str) -> Table:
    """One line per row: figures as min / median / max."""
    table = Table(title=title, show_lines=True)
    table.add_column("what", ratio=3)
    table.add_column("unit")
    for name in ("ours", "peer"):
        table.add_column(name, justify="right")
    table.add_column("peer ÷ ours", justify="right")
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
            verdict(row),
            "–" if row.floor_reached is None else f"{100 * row.floor_reached:.0f} %",
            remarks(row),
        )
    return table


def figures(spread: Spread) -> str:
    """Three significant digits each; one figure if all are the same."""
    texts = [number(value) for value in spread]
    return texts[0] if len(set(texts)) == 1 else " / ".join(texts)


def number(value: float) -> str:
    """Three significant digits without an exponent."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def verdict(row: Row) -> str:
    """The goal and whether it is met."""
    if row.goal is None:
        return "–"
    return f"{row.goal}: " + {True: "yes", False: "no", None: "not measured"}[row.reached]


def remarks(row: Row) -> str:
    """What the peer is if not the published code, the losses of both sides, and the note."""
    parts = [] if row.peer is None or row.peer_name == "published code" else [f"peer: {row.peer_name}"]
    names = list(dict.fromkeys(name for figures in row.losses.values() for name in figures))
    sides = row.losses.values()
    parts += [f"{name} " + " / ".join(f"{side[name]:.5g}" for side in sides if name in side) for name in names]
    return "; ".join([*parts, *([row.note] if row.note else [])])
