"""The part of the kit that runs every test marked ``gpu``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.gpu.figure import Figure
from benchmarks.gpu.processes import CHECKOUT, last_line, run_limited
from benchmarks.gpu.pytest_lines import FILE

_MARK = "mark.gpu"
# Of the project's options of pytest, what an older pytest or one without pytest-xdist would refuse is left out.
_OPTIONS = ("-m", "gpu", "-o", "addopts=", "-o", "faulthandler_timeout=0", "-p", "no:cacheprovider")


def files_with_tests(tests: Path) -> list[Path]:
    """The test files that hold such a test: no other is imported, since it may need what is not installed here."""
    return [file for file in sorted(tests.rglob("test_*.py")) if _MARK in file.read_text(encoding="utf-8")]


def run_tests(device: str, *, tests: Path, seconds: float, log: Path, lines: Path) -> list[Figure]:
    """A figure for each test; one for the run as a whole where that fails without naming one."""
    files = files_with_tests(tests)
    if not files:
        return [Figure(key="tests", name="tests marked gpu", error=f"there are none in {tests}")]
    plugin = (
        "-p",
        "benchmarks.gpu.pytest_lines",
        "--rootdir",
        str(CHECKOUT),
        "-c",
        str(CHECKOUT / "pyproject.toml"),
    )
    command = ["-m", "pytest", *_OPTIONS, *plugin, "--device", device, *map(str, files)]
    status = run_limited(command, seconds=seconds, log=log, environment={FILE: str(lines)})
    figures = figures_of(read_lines(lines), seconds=seconds)
    if status != 0 and not any(figure.error for figure in figures):
        reason = f"cut after {seconds:.0f} s" if status is None else f"pytest ends with {status}: {last_line(log)}"
        figures.append(Figure(key="tests", name="tests marked gpu", error=reason))
    return figures


def read_lines(file: Path) -> list[dict[str, Any]]:
    """What the plugin wrote; of a run that was killed the last line may be cut off."""
    if not file.exists():
        return []
    whole = file.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def figures_of(lines: list[dict[str, Any]], *, seconds: float) -> list[Figure]:
    """A figure for each test that began; one that has not ended was cut."""
    tests: dict[str, Figure] = {}
    for line in lines:
        key = line["test"]
        if "outcome" not in line:
            tests[key] = Figure(key=key, name=key, error=f"cut: it hangs, or the tests take over {seconds:.0f} s")
        elif not tests.get(key) or line["outcome"] != "passed" or "cut" in tests[key].error:
            note = f"skipped: {line['reason']}" if line["outcome"] == "skipped" else f"{line['seconds']:.1f} s"
            error = line["reason"] or "failed" if line["outcome"] == "failed" else ""
            tests[key] = Figure(key=key, name=key, note=note, error=error)
    return list(tests.values())
