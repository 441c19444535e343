"""Runs one measuring part of the kit in its process, and reads what it found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.figure import Figure
from benchmarks.gpu.processes import last_line, run_limited
from benchmarks.gpu.run_tests import read_lines


def run_part(name: str, device: str, *, quick: bool, seconds: float, log: Path, lines: Path) -> list[Figure]:
    """Its figures; what it did not come to stands there as cut or failed."""
    command = ["-m", "benchmarks.gpu.child", name, str(lines), device, *(["--quick"] if quick else [])]
    status = run_limited(command, seconds=seconds, log=log)
    found = read_lines(lines)
    if not found:
        reason = f"cut after {seconds:.0f} s" if status is None else f"ended with {status}: {last_line(log)}"
        return [Figure(key=name, name=f"part {name}", error=reason)]
    if status is None:
        reason = f"cut: {name} took over {seconds:.0f} s"
    else:
        reason = f"{name} ended with {status}: {last_line(log)}"
    return figures_of(found, reason)


def figures_of(lines: Sequence[dict[str, Any]], reason: str) -> list[Figure]:
    """What a part found, and for each measurement that it did not bring to its end a line with the reason."""
    plan, *found = lines
    done = {line["done"] for line in found if "done" in line}
    figures = [Figure.from_dict(line) for line in found if "done" not in line]
    keys = {figure.key for figure in figures}
    for key, name in plan["planned"]:
        if key in keys and key not in done:
            figures.append(Figure(key=f"{key}_rest", name=f"{name}: the rest", error=reason))
        elif key not in done:
            figures.append(Figure(key=key, name=name, error=reason))
    return figures
