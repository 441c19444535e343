"""A plugin of pytest: a line of JSON for each test that begins, and for each that ends.

Unlike a JUnit file, it is there when a test hangs and the run is killed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

FILE = "GPU_CHECK_LINES"  # the environment variable that names the file


def _write(**line: Any) -> None:
    with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:
        print(json.dumps(line), file=file)


def pytest_runtest_logstart(nodeid: str) -> None:
    """A test begins."""
    _write(test=nodeid)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A test, or what was set up for it, has ended."""
    if report.when == "call" or report.outcome != "passed":
        _write(test=report.nodeid, outcome=report.outcome, reason=_reason(report), seconds=report.duration)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file could not be read."""
    if report.failed:
        _write(test=report.nodeid, outcome="failed", reason=_last_line(str(report.longrepr)), seconds=0.0)


def _reason(report: pytest.TestReport) -> str:
    if report.outcome == "passed" or report.longrepr is None:
        return ""
    if isinstance(report.longrepr, tuple):  # a skip: file, line, reason
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return _first_line(crash.message) if crash is not None else _last_line(str(report.longrepr))


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:300]


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2][:300]
