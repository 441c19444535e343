"""Runs with every choice of optimizer, and with others by their class."""

from __future__ import annotations

import logging
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from esrgan_train.build import build_module
from esrgan_train.checks.effects import options_without_effect
from esrgan_train.config import check, compose_config
from esrgan_train.errors import StopRequestedError, UserError
from esrgan_train.modelfiles.weights import load_weights
from esrgan_train.processes import Agreement
from esrgan_train.space import checkpoint_size
from esrgan_train.train import train
from esrgan_train.training.precision import choose_precision
from tests.test_resume import LEARNT, assert_equal, load
from tests.tiny import tiny

SGD = ("optimizer.generator._target_=torch.optim.SGD", "~optimizer.generator.betas")
AUTHORS = [
    "optimizer=schedulefree",
    *(f"optimizer.{player}._target_=schedulefree.AdamWScheduleFree" for player in ("generator", "discriminator")),
]
COURSE = ("recipe.start_step=3", "recipe.val_check_interval=4")


def run(run_dir: Path, *overrides: str) -> dict[str, Any]:
    train(compose_config(tiny(run_dir, *COURSE, *overrides)))
    return load(run_dir)


@pytest.mark.slow
@pytest.mark.run
def test_a_schedule_free_run_stopped_in_either_stage_equals_one_that_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each stop saves, and the second one follows a validation that the whole run does not have."""
    more = ("optimizer=schedulefree", "trainer.max_steps=6")
    with caplog.at_level(logging.INFO):
        whole = run(tmp_path / "whole", *more)
    asked = iter([0, 0, signal.SIGTERM])  # before the third iteration
    monkeypatch.setattr(Agreement, "exchange", lambda _self, _wish: next(asked))
    with pytest.raises(StopRequestedError):
        run(tmp_path / "parts", *more)
    monkeypatch.undo()
    run(tmp_path / "parts", *more, "trainer.max_steps=5", "ckpt_path=last")
    parts = run(tmp_path / "parts", *more, "ckpt_path=last")
    for key in LEARNT:
        assert_equal(parts[key], whole[key], key)
    assert (
        "average       the optimizer's own (pytorch_optimizer.ScheduleFreeAdamW), in place of EMA" in caplog.text
    )
    assert_model_is_averaged(tmp_path / "parts", parts)
    module = build_module(compose_config(tiny(tmp_path, *COURSE, *more)), choose_precision("32", "cpu"))
    size = (tmp_path / "parts" / "checkpoints" / "last.ckpt").stat().st_size
    assert checkpoint_size(module) == pytest.approx(size, rel=0.25)


def assert_model_is_averaged(run_dir: Path, saved: dict[str, Any]) -> None:
    """What others see are the weights to evaluate; what training goes on from are those that it trains."""
    model = load_weights(next((run_dir / "model").glob("*.pth"))).state_dict
    optimizer, weights = saved["optimizer_states"][1], saved["state_dict"]
    names = [name.removeprefix("generator.") for name in weights if name.startswith("generator.")]
    for place, name in enumerate(names):
        newest = optimizer["state"][place]["z"]  # trained = 0.9 · averaged + 0.1 · newest
        averaged = (weights[f"generator.{name}"] - 0.1 * newest) / 0.9
        torch.testing.assert_close(weights[f"ema.module.{name}"], averaged, rtol=1e-5, atol=1e-7)
        assert torch.equal(model[name], weights[f"ema.module.{name}"])
    assert not torch.equal(weights["generator.body.0.weight"], model["body.0.weight"])


@pytest.mark.run
def test_another_optimizer_cannot_resume_a_run(finished_run: Path, tmp_path: Path) -> None:
    shutil.copytree(finished_run, tmp_path / "run")
    message = "holds the state of torch.optim.Adam, from which .*=pytorch_optimizer.Adan cannot go on.*init_from"
    with pytest.raises(UserError, match=message):
        run(tmp_path / "run", "optimizer=adan", "trainer.max_steps=9", "ckpt_path=last")


@pytest.mark.parametrize(
    "overrides",
    [
        *([f"optimizer={choice}"] for choice in ("adam", "adamw", "adan", "schedulefree")),
        [*SGD, "+optimizer.generator.momentum=0.9"],
        ["optimizer.generator._target_=pytorch_optimizer.Lion", "~optimizer.generator.fused"],
        # no weight_decay, and betas of other names
        [
            *("optimizer=adan", "optimizer.generator._target_=torch.optim.Rprop"),
            *("~optimizer.generator.betas", "~optimizer.generator.weight_decay"),
        ],
        AUTHORS,
    ],
)
def test_options_of_each_are_known(overrides: list[str]) -> None:
    check(compose_config(overrides))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["optimizer.generator._target_=torch.optim.SGD"],
            r"betas=\[0.9, 0.99\]: torch.optim.SGD has no such argument; leave it out \(~.*betas\)",
        ),
        (
            ["optimizer=adamw", "+optimizer.generator.wieght_decay=1"],
            r"did you mean .*weight_decay",
        ),
        (["optimizer=adamw", "optimizer.generator.weight_decay=-1"], r"weight_decay=-1: give a number from 0 on"),
        (
            ["optimizer=adan", "optimizer.generator._target_=torch.optim.Rprop", "~optimizer.generator.betas"],
            r"weight_decay=0.02: torch.optim.Rprop has no such argument",
        ),
        (
            ["optimizer=adan", "~optimizer.generator.lr"],
            r"it has no lr of its own; give \+optimizer",
        ),
    ],
)
def test_an_option_that_it_does_not_take_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(compose_config(overrides))


@pytest.mark.parametrize(
    ("overrides", "package", "install"),
    [
        (["optimizer=adan"], "pytorch_optimizer", r"pip install 'esrgan-train\[optimizers\]'"),
        (["optimizer=schedulefree"], "pytorch_optimizer", r"pip install 'esrgan-train\[optimizers\]'"),
        (AUTHORS, "schedulefree", "pip install schedulefree"),
    ],
)
def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, overrides: list[str], package: str, install: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"^optimizer\.\w+\._target_=.*{package} is not installed: {install}$"):
        check(compose_config(overrides))


def test_schedule_free_ones_keep_their_learning_rate_unless_told_otherwise() -> None:
    assert "final_factor" not in compose_config(["optimizer=schedulefree"]).scheduler
    assert compose_config(["optimizer=schedulefree", "scheduler=cosine"]).scheduler.final_factor == 0.01


def test_options_of_the_average_that_does_not_count_are_reported() -> None:
    given = ["optimizer=schedulefree", "training.ema_decay=0.9"]
    (line,) = options_without_effect(compose_config(given), given)
    assert line == "training.ema_decay=0.9 has no effect: this optimizer averages the weights itself"
    assert not list(options_without_effect(compose_config(given[1:]), given[1:]))
