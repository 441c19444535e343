"""The process of a trial: an ordinary run, which ends when its worker does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from esrgan_train.parent import VARIABLE

CONSOLE = "console.log"  # in the run folder: what the run prints
_TAIL = 1 << 16  # bytes of it that are searched for the reason of a failure
_OF_OTHERS = ("SLURM_", "TORCHELASTIC_", "MASTER_")  # variables of the worker's place among others, by their start
_RANKS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "NODE_RANK", "ESRGAN_TRAIN_RUN")


class TrialProcess:
    """A run of its own, with its output in its folder.

    Args:
        overrides: of the run.
        folder: of the run.
        environment: further variables.
        keeps: file descriptors that it inherits.
    """

    def __init__(
        self, overrides: Sequence[str], folder: Path, environment: Mapping[str, str], keeps: Sequence[int] = ()
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.console = folder / CONSOLE
        with self.console.open("ab") as console:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "esrgan_train", *overrides],
                stdin=subprocess.PIPE,  # nothing is written: it closes when this process ends
                stdout=console,
                stderr=subprocess.STDOUT,
                env={**of_one_process(os.environ), **environment, VARIABLE: "1"},
                start_new_session=True,  # a Ctrl-C is for the worker, which passes it on
                pass_fds=tuple(keeps) if os.name == "posix" else (),
            )

    def wait(self, seconds: float) -> int | None:
        """The exit status; None if it is not there after ``seconds``."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """Ask it to save and to stop."""
        self._process.terminate()

    def kill(self) -> None:
        """End it and all processes it has started."""
        if os.name == "posix":
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.kill()
        self._process.wait()

    def reason(self) -> str:
        """Why it failed, in its own words if it had any."""
        with self.console.open("rb") as file:
            file.seek(max(0, self.console.stat().st_size - _TAIL))
            lines = file.read().decode("utf-8", "replace").splitlines()
        told = [line for line in lines if line.startswith("error: ")] or [line for line in lines if line.strip()]
        return told[-1].removeprefix("error: ").strip() if told else "it said nothing"


def of_one_process(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables without those that make the process one of several: of a job's tasks, or of torchrun's."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_OF_OTHERS) and name not in _RANKS
    }
