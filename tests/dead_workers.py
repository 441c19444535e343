"""Hooks by which a test run fails, and says why, when one of pytest-xdist's workers dies."""

from __future__ import annotations

import signal
import subprocess
from typing import Any

import pytest

_dead: dict[str, str] = {}  # what ended each, by the worker's name


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object | None) -> None:
    """Called in the process that hands out the tests, when a worker ends."""
    if error:
        _dead[node.gateway.id] = _what_ended(node.gateway._io.popen)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """SIGKILL is memory that ran out, most likely; SIGSEGV and SIGABRT a library's fault."""
    for worker, ended in _dead.items():
        terminalreporter.write_line(f"worker {worker} {ended}", red=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker that dies while it runs no test takes its tests with it, and none of them fails."""
    if _dead:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _what_ended(process: subprocess.Popen[bytes]) -> str:
    try:
        status = process.wait(timeout=10)  # it has closed its output and is about to end
    except subprocess.TimeoutExpired:
        return "has lost its connection and still runs"
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with exit status {status}"
