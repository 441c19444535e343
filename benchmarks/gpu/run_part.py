"""Runs one measuring part of the kit in its process, and reads what it found."""

from __future__ import annotations

from pathlib import Path

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
    plan, *measured = found
    figures = [Figure.from_dict(line) for line in measured]
    reason = f"cut: {name} took over {seconds:.0f} s" if status is None else f"{name} ended with {status}"
    if status != 0:
        keys = {figure.key for figure in figures}
        figures += [Figure(key=key, name=what, error=reason) for key, what in plan["planned"] if key not in keys]
    return figures
