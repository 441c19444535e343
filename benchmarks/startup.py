"""Row: how long a run takes until it trains."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.row import Goal, Row
from benchmarks.sizes import Sizes
from benchmarks.timing import spread
from esrgan_train.errors import RunError

_PATIENCE = 120.0  # seconds until a start counts as failed


def startup_row(sizes: Sizes) -> Row:
    """From the command to the first iteration done, on the sample photographs."""
    rounds = 2 if sizes.thorough else 1
    return Row(
        key="startup",
        name="from the command to the first iteration done, sample photographs",
        unit="s",
        ours=spread([time_to_first_iteration() for _ in range(rounds)]),
        rounds=rounds,
        goal=Goal("value", 6),
        note="python -m esrgan_train; with its first validation and the rehearsal of the GAN stage. About half is "
        "the import of torch and Lightning",
    )


def time_to_first_iteration(overrides: Sequence[str] = ()) -> float:
    """Seconds until ``metrics.csv`` holds the losses of iteration 1; the run is ended then.

    Raises:
        RunError: the run ends or takes too long before.
    """
    with TemporaryDirectory() as folder:
        run_dir = Path(folder) / "run"
        command = [sys.executable, "-m", "esrgan_train", "data=sample", f"run_dir={run_dir}"]
        command += ["trainer.log_every_n_steps=1", *overrides]
        start = time.perf_counter()
        with (Path(folder) / "output").open("w+") as output:
            run = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True, text=True)
            try:
                while not has_first_iteration(run_dir / "metrics.csv"):
                    if run.poll() is not None or time.perf_counter() - start > _PATIENCE:
                        output.seek(0)
                        raise RunError(f"the timed run did not train: {output.read().strip()[-300:]}")
                    time.sleep(0.02)
                return time.perf_counter() - start
            finally:
                if run.poll() is None:
                    kill_group(run)  # its folder is deleted too
                run.wait()


def kill_group(process: subprocess.Popen[str]) -> None:
    """End a process and, where the system knows groups, those that it has started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def has_first_iteration(file: Path) -> bool:
    """Whether a ``metrics.csv`` holds a training loss."""
    if not file.is_file():
        return False
    with file.open(newline="") as lines:
        return any(row.get("train/pixel") for row in csv.DictReader(lines))
