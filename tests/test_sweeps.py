from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tiny import OVERRIDES

SHORT = (
    *("recipe.max_steps=2", "recipe.start_step=2", "recipe.val_check_interval=2", "callbacks.lpips.use=false"),
    "trainer.limit_val_batches=1",
)
REPOSITORY = Path(__file__).parent.parent


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "esrgan_train", "-m", *OVERRIDES, *SHORT, *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}


def trials(storage: Path) -> list[str]:
    """States of the study's trials, in order."""
    with sqlite3.connect(storage) as connection:
        try:
            return [state for (state,) in connection.execute("SELECT state FROM trials ORDER BY trial_id")]
        except sqlite3.OperationalError:  # not made yet
            return []


def optuna(folder: Path, trials_wanted: int) -> list[str]:
    return command(
        *("hparams_search=optuna", "hydra.sweeper.study_name=proof", f"hydra.sweeper.n_trials={trials_wanted}"),
        *("optimizer.pixel_lr=interval(1e-4, 1e-3)", f"hydra.sweep.dir={folder}"),
    )


def test_a_grid_runs_every_combination_in_folders_of_its_own(tmp_path: Path) -> None:
    arguments = command("hparams_search=grid", f"hydra.sweep.dir={tmp_path}")  # num_feat is fixed by what is given
    subprocess.run(arguments, cwd=tmp_path, env=environment(), check=True, capture_output=True, timeout=120)
    for job, act_type in enumerate(("prelu", "leakyrelu")):
        assert json.loads((tmp_path / str(job) / "summary.json").read_text())["iterations"] == 2
        assert f"act_type: {act_type}\n" in (tmp_path / str(job) / "config.yaml").read_text()
    assert not (tmp_path / "2").exists()


@pytest.mark.slow
def test_a_killed_search_goes_on_with_its_stored_study(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    storage = tmp_path / "sweep" / "study.db"
    search = subprocess.Popen(
        optuna(tmp_path / "sweep", 50),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while not (storage.exists() and trials(storage)[:3] == ["COMPLETE", "COMPLETE", "RUNNING"]):
            assert search.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        search.send_signal(signal.SIGKILL)
        search.wait()
    before = trials(storage)
    assert before == ["COMPLETE", "COMPLETE", "RUNNING"]  # the killed one stays so, and counts for nothing

    subprocess.run(
        optuna(tmp_path / "sweep", 2),
        cwd=tmp_path,
        env=environment(),
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert trials(storage) == [*before, "COMPLETE", "COMPLETE"]
    runs = sorted((tmp_path / "sweep").glob("*/summary.json"))
    assert len(runs) == 4


def test_without_the_sweeper_one_line_says_what_to_install(tmp_path: Path) -> None:
    hide = tmp_path / "sitecustomize.py"
    hide.write_text(
        "import sys\nsys.modules['hydra_plugins.hydra_optuna_sweeper'] = None\nsys.modules['optuna'] = None\n"
    )
    done = subprocess.run(
        optuna(tmp_path / "sweep", 1),
        cwd=tmp_path,
        env={**environment(), "PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert 'pip install hydra-optuna-sweeper "sqlalchemy<2"' in line
    assert not (tmp_path / "sweep").exists()
