from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf

from esrgan_train.__main__ import main
from esrgan_train.checks.sweep import check_search
from esrgan_train.config import check, compose_config
from esrgan_train.errors import RunError, UserError
from esrgan_train.outcome import optimized_metric
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


@pytest.mark.slow
def test_a_grid_runs_every_combination_in_folders_of_its_own(tmp_path: Path) -> None:
    arguments = command("hparams_search=grid", f"hydra.sweep.dir={tmp_path}")  # num_feat is fixed by what is given
    subprocess.run(arguments, cwd=tmp_path, env=environment(), check=True, capture_output=True, timeout=120)
    for job, act_type in enumerate(("prelu", "leakyrelu")):
        assert json.loads((tmp_path / str(job) / "summary.json").read_text())["iterations"] == 2
        assert f"act_type: {act_type}\n" in (tmp_path / str(job) / "config.yaml").read_text()
    assert not (tmp_path / "2").exists()


@pytest.mark.tools
def test_a_killed_search_resumes_its_stored_study(tmp_path: Path) -> None:
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


@pytest.mark.slow
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


# searches whose trials take no time

Search = Callable[..., tuple[int, list[Any], list[str]]]


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Search:
    """Run a search in this process; its exit status, the trials' configurations, the lines that start an error."""
    pytest.importorskip("optuna")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")

    def run(result: Callable[[Any], float], *arguments: str) -> tuple[int, list[Any], list[str]]:
        trained = []

        def fake_train(cfg: Any, **_: Any) -> float:
            trained.append(cfg)
            return result(cfg)

        monkeypatch.setattr("esrgan_train.__main__.train", fake_train)
        where = (f"hydra.sweep.dir={tmp_path}", "hydra.sweeper.study_name=proof", "hydra.sweeper.n_trials=4")
        monkeypatch.setattr(sys, "argv", ["esrgan_train", "-m", "hparams_search=optuna", *where, *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        told = [line for line in capfd.readouterr().err.splitlines() if "error: " in line]
        return int(end.value.code or 0), trained, told

    return run


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_not_finite_is_no_result(value: float) -> None:
    cfg = compose_config(["optimized_metric=val/psnr"])
    trainer = SimpleNamespace(callback_metrics={"val/psnr": torch.tensor(value)})
    with pytest.raises(RunError, match=rf"optimized_metric=val/psnr is {value}.*optimizer.pixel_lr"):
        optimized_metric(cfg, trainer)


@pytest.mark.slow
def test_a_trial_without_a_result_is_reported_and_the_others_run(search: Search, tmp_path: Path) -> None:
    results = iter([None, 19.0, None, 20.0])

    def result(_: Any) -> float:
        if (value := next(results)) is None:
            raise RunError("diverged")
        return value

    status, _, told = search(result)
    assert status == 1
    assert trials(tmp_path / "study.db") == ["FAIL", "COMPLETE", "FAIL", "COMPLETE"]
    assert len(told) == 2
    assert all(line.startswith("job ") and line.endswith("error: diverged") for line in told)
    assert OmegaConf.load(tmp_path / "optimization_results.yaml").best_value == 20.0


@pytest.mark.slow
def test_a_search_without_any_result_says_so(search: Search) -> None:
    def result(_: Any) -> float:
        raise RunError("out of luck")

    status, _, told = search(result, "optimizer.pixel_lr=choice(1e-4,1e-3)", "callbacks.previews=null")
    assert status == 1
    assert len(told) == 5
    assert all("out of luck" in line for line in told[:4])
    assert told[4].startswith("error: no trial of this search has a result")


@pytest.mark.slow
def test_what_a_sweeper_raises_is_reported_as_it_is(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optuna.create_study", lambda **_: 1 / 0)
    status, _, told = search(lambda _: 20.0, "callbacks.previews=null")
    assert (status, len(told)) == (1, 1)
    assert told[0].startswith("error: ZeroDivisionError: ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (["data.gt_size=32", "data.gt_size=choice(64,96)"], {64, 96}),
        (["data.gt_size=choice(64,96)", "data.gt_size=32"], {32}),
        (["data.gt_size=choice(64,96)", "data.gt_size=choice(32,40)"], {32, 40}),
    ],
)
def test_what_comes_later_wins_in_a_search_too(search: Search, given: list[str], taken: set[int]) -> None:
    status, trained, _ = search(lambda _: 20.0, *given)
    assert (status, len(trained)) == (0, 4)
    assert {cfg.data.gt_size for cfg in trained} <= taken


def test_a_range_is_not_dropped_for_a_value_of_a_file() -> None:
    sweeper = OmegaConf.create({"_target_": "hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper"})
    sweeper.params = {"data.gt_size": 32, "optimizer.lr": "interval(1e-5, 1e-3)"}
    cfg = compose_config(["optimized_metric=val/psnr"])
    check_search(cfg, sweeper, ["data.gt_size=64", "optimizer.lr=choice(1e-4,1e-3)"])
    with pytest.raises(UserError, match=r"data.gt_size=choice\(32,64\) would be dropped.*take it out there"):
        check_search(cfg, sweeper, ["data.gt_size=choice(32,64)"])


@pytest.mark.parametrize("metric", [None, "val/psrn"])
def test_a_search_that_has_nothing_to_go_by_is_refused_before_it_starts(
    search: Search, tmp_path: Path, metric: str | None
) -> None:
    status, trained, told = search(lambda _: 20.0, f"optimized_metric={metric or 'null'}")
    assert (status, trained, len(told)) == (2, [], 1)
    assert "val/psnr" in told[0]
    assert list(tmp_path.iterdir()) == []


def test_a_search_by_lpips_says_how_to_get_its_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("esrgan_train.metrics.learned.hub_file", lambda url: tmp_path / "alexnet.pth")  # noqa: ARG005
    cfg = compose_config(["optimized_metric=val/lpips"])
    with pytest.raises(UserError, match=r"AlexNet are missing; callbacks.lpips.use=true fetches.*alexnet.pth"):
        check(cfg)
    (tmp_path / "alexnet.pth").touch()
    check(cfg)
