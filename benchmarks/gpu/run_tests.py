"""The part of the kit that runs every test marked ``gpu``."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from benchmarks.gpu.figure import Figure
from benchmarks.gpu.processes import CHECKOUT, last_line, run_limited
from benchmarks.gpu.pytest_lines import FILE

_MARK = "mark.gpu"
# Seconds of a test: after them pytest shows where it is, and ends. A processor compiles for two minutes.
_LONGEST = {"cuda": 100, "cpu": 300}
_NONE_LEFT = 5  # pytest's exit status where all tests were deselected
# Of the project's options of pytest, what an older pytest or one without pytest-xdist would refuse is left out.
_OPTIONS = (
    *("-m", "gpu", "-o", "addopts="),
    *("-p", "no:cacheprovider", "-p", "benchmarks.gpu.pytest_lines", "--continue-on-collection-errors"),
)


def files_with_tests(tests: Path) -> list[Path]:
    """The test files that hold such a test: no other is imported, since it may need what is not installed here."""
    return [file for file in sorted(tests.rglob("test_*.py")) if _MARK in file.read_text(encoding="utf-8")]


def run_tests(device: str, *, tests: Path, seconds: float, log: Path, lines: Path) -> list[Figure]:
    """A figure for each test; one for the run as a whole where that fails without naming one.

    After a test that hangs or ends the process, those that have not run yet are run in another.
    """
    files = files_with_tests(tests)
    if not files:
        return [Figure(key="tests", name="tests marked gpu", error=f"there are none in {tests}")]
    project = ("-c", str(CHECKOUT / "pyproject.toml"), "--rootdir", str(tests.parent), "--device", device)
    limit = ("-o", f"faulthandler_timeout={_LONGEST[device]}")
    end, begun = time.monotonic() + seconds, 0
    while True:
        found = read_lines(lines)
        done = [word for test in begun_in(found) for word in ("--deselect", test)]
        left = end - time.monotonic()
        command = ["-m", "pytest", *_OPTIONS, *limit, *project, *done, *map(str, files)]
        status = run_limited(command, seconds=left, log=log, environment={FILE: str(lines)})
        found = read_lines(lines)
        begun, before = len(begun_in(found)), begun
        if status is None or begun == before or "outcome" in found[-1]:
            break
    figures = figures_of(found, seconds=seconds)
    if status not in (0, _NONE_LEFT) and not any(figure.error for figure in figures):
        reason = f"cut after {seconds:.0f} s" if status is None else f"pytest ends with {status}: {last_line(log)}"
        figures.append(Figure(key="tests", name="tests marked gpu", error=reason))
    return figures


def begun_in(lines: list[dict[str, Any]]) -> list[str]:
    """The tests that have begun."""
    return [line["test"] for line in lines if "outcome" not in line]


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
            tests[key] = Figure(
                key=key, name=key, error=f"cut: it hangs, ends the process, or the tests take over {seconds:.0f} s"
            )
        elif not tests.get(key) or line["outcome"] != "passed" or "cut" in tests[key].error:
            note = f"skipped: {line['reason']}" if line["outcome"] == "skipped" else f"{line['seconds']:.1f} s"
            error = line["reason"] or "failed" if line["outcome"] == "failed" else ""
            tests[key] = Figure(key=key, name=key, note=note, error=error)
    return list(tests.values())
