"""Searches of runs that take seconds, and what their studies hold."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from tests.tiny import OVERRIDES

REPOSITORY = Path(__file__).parents[2]
SHORT = (
    *("recipe.max_steps=4", "recipe.start_step=2", "recipe.val_check_interval=2", "callbacks.lpips.use=false"),
    *("trainer.limit_val_batches=1", "search.heartbeat=0.5", "search.silence=4"),
)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "esrgan_train.search", *OVERRIDES, *SHORT, "search.name=proof", *words]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", **more}


def run(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words),
        cwd=folder,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command(*words), cwd=folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def study_in(folder: Path) -> optuna.Study:
    """As Optuna's own programs open it, with nothing of this project."""
    journal = folder / "runs" / "searches" / "proof" / "journal.log"
    return optuna.load_study(study_name="proof", storage=JournalStorage(JournalFileBackend(str(journal))))


def trials_in(folder: Path) -> list[optuna.trial.FrozenTrial]:
    journal = folder / "runs" / "searches" / "proof" / "journal.log"
    return study_in(folder).get_trials(deepcopy=False) if journal.exists() and journal.stat().st_size else []


def wait_until(true: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert process.poll() is None, f"it has ended with {process.returncode}"
        assert time.monotonic() < deadline
        time.sleep(0.05)
