from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from esrgan_train.config import check, compose_config
from esrgan_train.errors import RunError, UserError
from esrgan_train.outcome import optimized_metric
from esrgan_train.runs.failed_jobs import forget_failed_jobs, note_failed_job, worst_status
from tests.tiny import OVERRIDES

pytestmark = pytest.mark.run

SHORT = (
    *("recipe.max_steps=2", "recipe.start_step=2", "recipe.val_check_interval=2", "callbacks.lpips.use=false"),
    "trainer.limit_val_batches=1",
)
REPOSITORY = Path(__file__).parent.parent


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "esrgan_train", "-m", *OVERRIDES, *SHORT, *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_a_grid_runs_every_combination_in_folders_of_its_own(tmp_path: Path) -> None:
    arguments = command("hparams_search=grid", f"hydra.sweep.dir={tmp_path}")  # num_feat is fixed by what is given
    subprocess.run(arguments, cwd=tmp_path, env=environment(), check=True, capture_output=True, timeout=120)
    for job, act_type in enumerate(("prelu", "leakyrelu")):
        assert json.loads((tmp_path / str(job) / "summary.json").read_text())["iterations"] == 2
        assert f"act_type: {act_type}\n" in (tmp_path / str(job) / "config.yaml").read_text()
    assert not (tmp_path / "2").exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_is_no_result(value: float) -> None:
    cfg = compose_config(["optimized_metric=val/psnr"])
    trainer = SimpleNamespace(callback_metrics={"val/psnr": torch.tensor(value)})
    with pytest.raises(RunError, match=rf"optimized_metric=val/psnr is {value}.*optimizer.pixel_lr"):
        optimized_metric(cfg, trainer)


# what launchers of Hydra make of the jobs, in processes of their own


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "launcher"),
    [
        ("hydra_plugins.hydra_joblib_launcher", ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]),
        ("hydra_plugins.hydra_submitit_launcher", ["hydra/launcher=submitit_local"]),
    ],
)
def test_jobs_side_by_side_tell_the_command_what_came_of_them(
    package: str, launcher: list[str], tmp_path: Path
) -> None:
    pytest.importorskip(package)
    arguments = command(*launcher, "data.gt_size=32,33", "hydra.sweep.dir=my sweep")
    done = subprocess.run(
        arguments, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=600, check=False
    )
    sweep = tmp_path / "my sweep"
    assert done.returncode == 2, done.stderr
    assert json.loads((sweep / "0" / "summary.json").read_text())["iterations"] == 2
    assert not (sweep / "1").exists()
    with (sweep / "failed.csv").open(newline="") as file:
        (failed,) = csv.DictReader(file)
    assert (failed["job"], failed["status"]) == ("1", "2")
    assert "data.gt_size=33 is not a multiple of 8" in failed["error"]
    assert "esrgan_train.compare 'my sweep'" in done.stdout


def test_only_failures_of_this_sweep_count(tmp_path: Path) -> None:
    assert worst_status(tmp_path) == 0
    note_failed_job(tmp_path, 3, 1, "training has diverged, \n or so")
    note_failed_job(tmp_path, 4, 2, "wrong")
    assert worst_status(tmp_path) == 2
    forget_failed_jobs(tmp_path)
    assert worst_status(tmp_path) == 0


def test_a_search_by_lpips_says_how_to_get_its_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("esrgan_train.metrics.learned.hub_file", lambda url: tmp_path / "alexnet.pth")  # noqa: ARG005
    cfg = compose_config(["optimized_metric=val/lpips"])
    with pytest.raises(UserError, match=r"AlexNet are missing; callbacks.lpips.use=true fetches.*alexnet.pth"):
        check(cfg)
    (tmp_path / "alexnet.pth").touch()
    check(cfg)
