"""Runs of ``recipe.hours``: what they leave, how they resume, and that measuring leaves no trace in them."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.hours import decision
from esrgan_train.hours.plan import Plan, plan_for
from esrgan_train.loggers.metrics_csv import read_rows
from esrgan_train.train import train
from tests.test_processes import TWO, finish, free_port, load, start, torchrun
from tests.tiny import tiny

pytestmark = pytest.mark.run

SHORT = {"max_steps": 7, "start_step": 4, "val_check_interval": 3, "log_every_n_steps": 2}
OPTIONS = (
    *("trainer.max_steps=7", "loss.adversarial.start_step=4", "trainer.val_check_interval=3"),
    "trainer.log_every_n_steps=2",
)
HOURS = "recipe.hours=0.03"
PLANNED = ("recipe.hours=0.01", "recipe.max_steps=20", "recipe.start_step=15")


def run(run_dir: Path, *overrides: str) -> dict[str, Any]:
    train(compose_config(tiny(run_dir, "scheduler=cosine", *overrides)))
    return load(run_dir)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Everything is measured, and then seven iterations are planned; the list gets the seconds of each plan."""
    plans = []

    def planned(cfg: Any, costs: Any, seconds: float) -> Plan:
        plans.append(seconds)
        return plan_for(cfg, costs._replace(pixel=1e-3, gan=1e-3, validation=1e-3, start=0.0), 10.0)._replace(
            recipe=SHORT
        )

    monkeypatch.setattr(decision, "plan_for", planned)
    return plans


@pytest.mark.tools  # two minutes
def test_a_run_of_hours_equals_one_of_its_iterations_bit_for_bit_and_resumes_as_it(
    tmp_path: Path, short: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    theirs = run(tmp_path / "given", *OPTIONS)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        ours = run(tmp_path / "hours", HOURS)
    assert short[0] < 3600 * 0.03  # what measuring took is taken off
    assert_said(caplog.text)
    for part in ("settings", "esrgan_train", "best", "measured", "players"):
        assert ours[part] == theirs[part]
    for part in ("state_dict", "optimizer_states"):
        torch.testing.assert_close(ours[part], theirs[part], rtol=0, atol=0)
    mine, other = (read_rows(tmp_path / name / "metrics.csv") for name in ("hours", "given"))
    assert [{**row, "train/samples_per_second": ""} for row in mine] == [
        {**row, "train/samples_per_second": ""} for row in other
    ]
    assert ours["hours"] == {"hours": 0.03, "recipe": SHORT}

    measured = len(short)
    with caplog.at_level(logging.INFO):
        train(compose_config(tiny(tmp_path / "hours", "scheduler=cosine", HOURS, "ckpt_path=auto")))
    assert "is complete (7 iterations)" in caplog.text
    for checkpoint in (tmp_path / "hours" / "checkpoints").glob("*.ckpt"):
        if torch.load(checkpoint, weights_only=True)["global_step"] == 7:
            checkpoint.unlink()
    caplog.clear()
    with caplog.at_level(logging.INFO):
        resumed = run(tmp_path / "hours", HOURS, "ckpt_path=last")
    assert len(short) == measured  # nothing is measured again
    assert "recipe.hours=0.03 came to 7 iterations when this run started, which stay" in caplog.text
    assert "not as it would have" not in caplog.text
    torch.testing.assert_close(resumed["state_dict"], theirs["state_dict"], rtol=0, atol=0)
    assert resumed["hours"] == ours["hours"]


def assert_said(text: str) -> None:
    assert re.search(r"an iteration takes \d.* \(pixel stage\) and \d.* \(GAN stage\), a validation \d", text)
    assert re.search(r"hours=0.03 comes to [\d,]+ \(pixel stage\) and [\d,]+ \(GAN stage\) iterations", text)
    assert text.count("stages        ") == 1  # a trial says nothing of its own


@pytest.mark.slow
def test_other_hours_than_the_checkpoints_are_refused(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(decision, "measure", None)
    kept = {"hours": 6.0, "recipe": SHORT}
    checkpoint = torch.load(finished_run / "checkpoints" / "last.ckpt", weights_only=True)
    for name, content in {"with": {**checkpoint, "hours": kept}, "without": checkpoint}.items():
        torch.save(content, tmp_path / f"{name}.ckpt")

    def lengths(name: str, *overrides: str) -> Any:
        cfg = compose_config([*overrides])
        return decision.lengths_for(cfg, arguments=overrides, checkpoint=tmp_path / f"{name}.ckpt")

    with pytest.raises(UserError, match=r"recipe.hours=8: .* trained with recipe.hours=6: give that .* above 7$"):
        lengths("with", "recipe.hours=8")
    with pytest.raises(UserError, match=r"recipe.hours=6: .* was trained without it"):
        lengths("without", "recipe.hours=6")
    assert lengths("with", "recipe.hours=6")["recipe"] == SHORT
    assert lengths("with", "trainer.max_steps=20") is None
    assert lengths("without") is None
    assert not caplog.messages
    assert lengths("with") is None
    assert "was trained with recipe.hours=6: give that to keep its lengths" in caplog.text


def test_a_recipe_of_ones_own_takes_hours_too(tmp_path: Path) -> None:
    conf = tmp_path / "conf" / "recipe"
    conf.mkdir(parents=True)
    own = Path(__file__).parents[2].joinpath("conf/recipe/demo.yaml").read_text(encoding="utf-8")
    assert "hours" not in own
    (conf / "mine.yaml").write_text(own, encoding="utf-8")
    cfg = compose_config([f"hydra.searchpath=[file://{conf.parent}]", "recipe=mine", "recipe.hours=6"])
    assert (cfg.recipe.name, cfg.recipe.hours) == ("demo", 6)


# Starts a training, in which each process would plan lengths of its own, if it were asked.
DRIVER = """
import os
from esrgan_train.__main__ import main
from esrgan_train.hours import decision
from esrgan_train.hours.plan import Costs

number = int(os.environ.get("RANK") or os.environ.get("SLURM_PROCID") or os.environ.get("LOCAL_RANK") or 0)
decision.measure = lambda cfg, hours: Costs(pixel=1 - number / 2, gan=1.0, validation=2.0, start=1.0)
if __name__ == "__main__":
    main()
"""
FIRST = 22  # iterations: 36 s less the start, five validations and two GAN iterations that are tried


def command(folder: Path, node: int | None = None, port: int = 0) -> list[str]:
    """What starts the driver: directly, or as a node of torchrun."""
    (folder / "driver.py").write_text(DRIVER, encoding="utf-8")
    starter = [sys.executable] if node is None else torchrun(node, port)[:-2]
    return [*starter, str(folder / "driver.py")]


def assert_first_decided(told: list[str], run_dir: Path) -> None:
    assert sum(out.count("recipe.hours=0.01 comes to") for out in told) == 1
    assert sum(out.count("by one process alone") for out in told) == 1
    checkpoint = load(run_dir)
    assert checkpoint["global_step"] == checkpoint["hours"]["recipe"]["max_steps"]
    assert checkpoint["global_step"] == pytest.approx(FIRST, abs=1)


@pytest.mark.tools
def test_two_processes_take_the_lengths_of_the_first(tmp_path: Path) -> None:
    out, _ = finish(start(tmp_path, command(tmp_path), *tiny(tmp_path / "run", *TWO, *PLANNED)))
    assert_first_decided([out], tmp_path / "run")


@pytest.mark.tools
def test_two_nodes_of_torchrun_take_the_lengths_of_the_first(tmp_path: Path) -> None:
    port = free_port()
    more = tiny(tmp_path / "run", *PLANNED, "recipe.batch_size=2", "trainer.strategy=ddp", "trainer.num_nodes=2")
    nodes = [start(tmp_path, command(tmp_path, node, port), *more) for node in range(2)]
    assert_first_decided([finish(node)[0] for node in nodes], tmp_path / "run")


@pytest.mark.tools
def test_two_tasks_of_slurm_take_the_lengths_of_the_first(tmp_path: Path) -> None:
    job = {"SLURM_JOB_ID": "4321", "SLURM_JOB_NAME": "train", "SLURM_NODELIST": "127.0.0.1", "SLURM_NODEID": "0"}
    tasks = {"SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2", "MASTER_PORT": str(free_port())}
    started = [
        start(
            *(tmp_path, command(tmp_path), *tiny(tmp_path / "run", *TWO, *PLANNED)),
            **{**job, **tasks, "SLURM_PROCID": number, "SLURM_LOCALID": number},
        )
        for number in ("0", "1")
    ]
    assert_first_decided([finish(task)[0] for task in started], tmp_path / "run")
