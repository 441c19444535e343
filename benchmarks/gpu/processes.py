"""Runs a part in a process of its own, and ends it with all that it started when its time is over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def run_limited(
    command: Sequence[str], *, seconds: float, log: Path, environment: Mapping[str, str] | None = None
) -> int | None:
    """The exit status of a Python process in the checkout; None if its time was over and it was killed.

    Args:
        command: what follows ``python``.
        seconds: its time.
        log: file to which its output is appended.
        environment: variables besides this process's own.
    """
    given = os.environ | {"PYTHONPATH": _python_path()} | dict(environment or {})
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=CHECKOUT,
            env=given,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that its workers can be ended with it
        )
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the process and of those that it started."""
    with suppress(ProcessLookupError):  # all have ended
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _python_path() -> str:
    return os.pathsep.join(filter(None, [str(CHECKOUT), os.environ.get("PYTHONPATH")]))


def last_line(log: Path) -> str:
    """Of what a process said, for the table."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")[:300]
