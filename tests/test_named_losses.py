"""Losses under names of their own, in a whole configuration."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from esrgan_train.checks.effects import losses_left_out, options_without_effect
from esrgan_train.config import check, compose_config, config_dir
from esrgan_train.errors import UserError
from esrgan_train.train import train
from tests.tiny import tiny

ALL = {file.stem for file in (config_dir() / "loss" / "terms").glob("*.yaml")}
TERMS = sorted(ALL - {"lpips", "dists", "teacher", "teacher_features"})  # those need weights from elsewhere


def columns(run: Path) -> dict[str, list[str]]:
    """The logged values of each training column that has any, from metrics.csv."""
    with (run / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows if row[name]] for name in rows[0] if name.startswith("train/")}


@pytest.mark.slow
@pytest.mark.run
def test_every_named_loss_trains_in_both_stages_and_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level("INFO", logger="esrgan_train")
    run = tmp_path / "run"
    course = ("recipe.start_step=2", "trainer.max_steps=4", "trainer.log_every_n_steps=1")
    cfg = compose_config([*tiny(run), *course, f"loss/terms=[{','.join(TERMS)}]", "loss.chroma.ramp=3"])
    train(cfg)
    logged = columns(run)
    for name in TERMS:
        assert len(logged[f"train/{name}"]) == 2 * len(cfg.loss[name].stages), name
        assert all(float(value) > 0 for value in logged[f"train/{name}"]), name
    assert "losses        pixel stage: pixel 1, " in caplog.text
    assert "ms_ssim 0.5" in caplog.text


@pytest.mark.slow
@pytest.mark.run
def test_a_yaml_of_ones_own_adds_losses_of_any_library(tmp_path: Path):
    experiment = tmp_path / "conf" / "experiment"
    experiment.mkdir(parents=True)
    (experiment / "mine.yaml").write_text(
        "# @package _global_\n"
        "loss:\n"
        "  huber: {weight: 0.5, function: {_target_: torch.nn.HuberLoss, delta: 0.1}}\n"
        "  colour:\n"
        "    weight: 1\n"
        "    target: hr\n"
        "    stages: [gan]\n"
        "    function: {_target_: esrgan_train.losses.colour.ChromaLoss}\n"
        "  smooth: {weight: 2, ramp: 10, function: {_target_: torch.nn.SmoothL1Loss}}\n"
    )
    run = tmp_path / "run"
    course = ("recipe.start_step=1", "trainer.max_steps=2", "trainer.log_every_n_steps=1")
    where = f"hydra.searchpath=[file://{tmp_path}/conf]"
    train(compose_config([*tiny(run), *course, "experiment=mine", where]))
    logged = columns(run)
    assert {"train/huber", "train/smooth", "train/colour"} <= logged.keys()
    assert len(logged["train/colour"]) == 1


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["+loss.huber.weight=0.5"], "loss.huber"),
        (["+loss.huber.weight=-1", "+loss.huber.function._target_=torch.nn.HuberLoss"], "loss.huber.weight=-1"),
        (["loss/terms=[chroma]", "loss.chroma.stages=[end]"], "loss.chroma.stages"),
        (["loss/terms=[chroma]", "loss.chroma.stages=[]"], "loss.chroma.stages"),
        (["loss/terms=[chroma]", "+loss.chroma.wait=1"], "loss.chroma.wait"),
        (["loss/terms=[chroma]", "loss.chroma.target=lr"], "loss.chroma.target=lr"),
    ],
)
def test_a_mistake_in_a_named_loss_is_told(overrides: list[str], told: str):
    with pytest.raises(UserError, match=told):
        check(compose_config(["data=sample", *overrides]))


def test_a_loss_that_counts_nothing_is_said():
    cfg = compose_config(["data=sample", "loss/terms=[chroma]", "loss.chroma.weight=0"])
    (line,) = losses_left_out(cfg)
    assert line.startswith("loss.chroma counts nothing: its weight is 0")
    assert list(options_without_effect(cfg, ["loss.chroma.ramp=5"])) == [
        "loss.chroma.ramp=5 has no effect: loss.chroma.weight=0 leaves that loss out"
    ]


def test_a_loss_of_the_gan_stage_makes_one():
    without = ["loss.perceptual.weight=0", "loss.adversarial.weight=0"]
    cfg = compose_config(["data=sample", *without, "loss/terms=[ldl]", "trainer.max_steps=10"])
    (line,) = options_without_effect(cfg, ["loss.ldl.weight=2"])
    assert "trainer.max_steps ends the run before the GAN stage" in line
