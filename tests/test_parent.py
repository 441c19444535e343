"""A process ends with the one that started it, saving if it can; without being asked to it does not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from esrgan_train.parent import VARIABLE

REPOSITORY = Path(__file__).parents[1]
CHILD = """
import signal, sys, time
from esrgan_train import parent
parent.SECONDS = 0.3
{before}
parent.end_with_parent()
print("started", flush=True)
time.sleep(20)
"""
SAVES = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))"
HANGS = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


def child(before: str, **settings: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(before=before)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **settings},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    return process


@pytest.mark.parametrize(("before", "status"), [(SAVES, 7), ("", -signal.SIGTERM), (HANGS, 1)])
def test_a_closed_stdin_is_a_sigterm_and_then_the_end(before: str, status: int):
    process = child(before, **{VARIABLE: "1"})
    assert process.poll() is None
    assert process.stdin is not None
    process.stdin.close()  # as the system does when the process at the other end ends
    assert process.wait(10) == status


def test_a_run_of_nobody_keeps_on():
    process = child("")
    assert process.stdin is not None
    process.stdin.close()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.kill()
    process.wait()


LAUNCHER = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""
LAUNCHED = CHILD.replace("end_with_parent()", "end_with_parent(launched={launched})")
NOTES = "signal.signal(signal.SIGTERM, lambda *_: (print('saved', flush=True), sys.exit(7)))"


@pytest.mark.parametrize(("launched", "said"), [(True, "saved\n"), (False, "")])
def test_a_killed_launcher_is_a_sigterm_to_those_that_it_has_started(launched: bool, said: str):
    code = LAUNCHED.format(before=NOTES, launched=launched)
    launcher = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, code],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert launcher.stdout is not None
    number, started = sorted(launcher.stdout.readline() for _ in range(2))  # of two processes, in either order
    pid = int(number)
    assert started == "started\n"
    launcher.kill()
    launcher.wait()
    if not launched:  # it keeps on, and the pipe stays open
        with pytest.raises(subprocess.TimeoutExpired):
            launcher.communicate(timeout=1.5)
        os.kill(pid, signal.SIGKILL)
    assert launcher.communicate(timeout=10)[0] == said
