"""Searches by real workers, each trial a real run; what is killed is killed with SIGKILL."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import optuna
import pytest
import torch

from esrgan_train.config import compose_config
from esrgan_train.train import train
from tests.search.runs import SHORT, command, environment, run, start, trials_in, wait_until
from tests.tiny import tiny

pytestmark = [pytest.mark.run, pytest.mark.slow]

LONG = ("recipe.max_steps=300", "recipe.start_step=100", "recipe.val_check_interval=20")
COMPLETE, PRUNED, FAIL, RUNNING = (
    getattr(optuna.trial.TrialState, s) for s in ["COMPLETE", "PRUNED", "FAIL", "RUNNING"]
)


def run_dir(folder: Path, trial: int) -> Path:
    return folder / "runs" / "searches" / "proof" / str(trial)


def has_saved(folder: Path, trial: int) -> bool:
    return (run_dir(folder, trial) / "checkpoints" / "last.ckpt").exists()


def process_of(trial: optuna.trial.FrozenTrial) -> int:
    return int(trial.user_attrs["worker"].rpartition(":")[2])


def test_a_killed_workers_trial_is_taken_up_from_its_checkpoint_by_the_other(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    space = "optimizer.pixel_lr=tag(log,interval(1e-4,1e-3))"
    search = start(tmp_path, *LONG, space, "search.trials=2", "--workers", "2")
    wait_until(lambda: has_saved(tmp_path, 0) and has_saved(tmp_path, 1), search)
    before = trials_in(tmp_path)
    assert [trial.state for trial in before] == [RUNNING, RUNNING]
    assert process_of(before[0]) != process_of(before[1])
    assert before[0].params != before[1].params
    os.kill(process_of(before[0]), signal.SIGKILL)
    assert search.wait(600) == 0

    after = trials_in(tmp_path)
    assert [trial.state for trial in after] == [COMPLETE, COMPLETE]
    assert [process_of(trial) for trial in after] == [process_of(before[1])] * 2
    assert [trial.user_attrs["attempts"] for trial in after] == [2, 1]
    assert after[0].params == before[0].params
    log = (run_dir(tmp_path, 0) / "train.log").read_text(encoding="utf-8")
    assert "resum" in log
    # Bit for bit what a run without a break ends with.
    values = [f"{key}={value!r}" for key, value in after[0].params.items()]
    options = [word for word in (*SHORT, *LONG) if not word.startswith("search.")]
    undisturbed = compose_config([*tiny(tmp_path / "undisturbed", *options), *values, "optimized_metric=val/psnr"])
    value = train(undisturbed)
    assert after[0].value == pytest.approx(value, rel=1e-6)  # metrics.csv has seven digits
    ours, theirs = (
        torch.load(folder / "model" / "x4_prelu.pth", weights_only=True)["params"]
        for folder in (run_dir(tmp_path, 0), tmp_path / "undisturbed")
    )
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_same_command_goes_on_after_everything_was_killed(tmp_path: Path) -> None:
    words = ("generator.num_feat=8,16", "search.trials=3", "--workers", "2")
    search = start(tmp_path, *words, *LONG)
    wait_until(lambda: has_saved(tmp_path, 0) and has_saved(tmp_path, 1), search)
    workers = {process_of(trial) for trial in trials_in(tmp_path)}
    search.kill()  # its workers end with it, and their runs with them, which save
    search.wait()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    left = trials_in(tmp_path)
    assert {trial.state for trial in left[:2]} == {RUNNING}
    assert [trial.user_attrs["worker"] for trial in left[:2]] == [None, None]  # given back

    done = run(tmp_path, *words, *LONG)
    assert done.returncode == 0, done.stderr
    trials = trials_in(tmp_path)
    assert [trial.state for trial in trials] == [COMPLETE] * 3
    assert "left by" in done.stdout
    assert "best: trial" in done.stdout
    for trial in trials:
        summary = json.loads((run_dir(tmp_path, trial.number) / "summary.json").read_text(encoding="utf-8"))
        assert summary["iterations"] == 300
        assert summary["val"]["psnr"] == pytest.approx(trial.value, rel=1e-6)
    other = run(tmp_path, *words, *LONG, "data.gt_size=64")
    assert other.returncode == 2
    assert "data.gt_size=64 (was 32)" in other.stderr


def test_a_trial_is_pruned_at_a_validation(tmp_path: Path) -> None:
    own = tmp_path / "conf" / "search" / "pruner" / "own.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("# @package _global_.search.pruner\n_target_: optuna.pruners.ThresholdPruner\nlower: 1000\n")
    words = ("hydra.searchpath=[file://conf]", "search/pruner=own", "optimizer.pixel_lr=choice(1e-3)")
    done = run(tmp_path, *words, "search.trials=1", *LONG)
    assert done.returncode == 1, done.stderr
    (pruned,) = trials_in(tmp_path)
    assert (pruned.state, list(pruned.intermediate_values)) == (PRUNED, [20])
    assert has_saved(tmp_path, 0)
    assert json.loads((run_dir(tmp_path, 0) / "summary.json").read_text(encoding="utf-8"))["iterations"] < 300


def test_a_trial_that_diverges_has_failed(tmp_path: Path) -> None:
    done = run(tmp_path, "optimizer.pixel_lr=choice(1e30)", "search.trials=1")
    assert done.returncode == 1, done.stderr
    (failed,) = trials_in(tmp_path)
    assert (failed.state, failed.value) == (FAIL, None)
    assert "diverged" in failed.user_attrs["error"]
    assert "no trial has a result; the last failed: " in done.stdout


def test_submitit_starts_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submitit = pytest.importorskip("submitit")
    for name, value in environment(SLURM_PROCID="1", SLURM_NTASKS="2").items():  # as a task of a job would have it
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    executor = submitit.AutoExecutor("logs", cluster="local")
    executor.update_parameters(timeout_min=10)
    worker = submitit.helpers.CommandFunction(command("generator.num_feat=8,16", "search.trials=2"))
    with executor.batch():
        jobs = [executor.submit(worker) for _ in range(2)]
    assert ["study proof: " in job.result() for job in jobs] == [True, True]
    assert [trial.state for trial in trials_in(tmp_path)] == [COMPLETE, COMPLETE]
