"""Whole runs whose LR is made batch by batch; here on a CPU, by the renderer that a GPU takes."""

from __future__ import annotations

import logging
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import esrgan_train.train
from esrgan_train import replay
from esrgan_train.build import build_datamodule
from esrgan_train.config import compose_config
from esrgan_train.data.site import Site
from esrgan_train.train import train
from tests.test_processes import finish, start
from tests.test_resume import LEARNT, assert_equal, load
from tests.tiny import tiny

pytestmark = pytest.mark.run

COURSE = ("recipe.start_step=3", "scheduler=constant", "recipe.val_check_interval=3")


@pytest.fixture
def batched(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Runs render on the device that trains, although that is a CPU."""
    rendering_here = partial(build_datamodule, site=Site("cpu"))
    monkeypatch.setattr(esrgan_train.train, "build_datamodule", rendering_here)
    return monkeypatch


def run(folder: Path, *more: str) -> dict[str, Any]:
    train(compose_config(tiny(folder, *COURSE, *more)))
    return load(folder)


@pytest.mark.slow
@pytest.mark.usefixtures("batched")
@pytest.mark.parametrize("workers", [pytest.param(0, marks=pytest.mark.tools), 2])  # a minute each
def test_a_resumed_run_equals_one_that_never_stopped(tmp_path: Path, workers: int) -> None:
    more = ("training.accumulate=2", f"data.num_workers={workers}")
    whole = run(tmp_path / "whole", *more, "trainer.max_steps=6")
    run(tmp_path / "parts", *more, "trainer.max_steps=4")
    parts = run(tmp_path / "parts", "training.accumulate=2", "trainer.max_steps=6", "ckpt_path=last")
    assert parts["settings"]["renderer"] == "cpu, by torch"
    for key in LEARNT:
        assert_equal(parts[key], whole[key], key)


@pytest.mark.slow
def test_a_change_of_renderer_is_one_warning_and_replay_shows_what_the_run_saw(
    tmp_path: Path, batched: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "run"
    caplog.set_level(logging.INFO, logger="esrgan_train")
    run(folder, "trainer.max_steps=4")
    assert [line for line in caplog.messages if line.startswith("rendering ")] == [
        "rendering     LR is made on the device that trains (cpu): workers only cut and draw"
    ]
    assert replay.site_in(folder) == Site("cpu")
    photos = [build_datamodule(replay.read_config(folder), site=site).training for site in (Site("cpu"), None)]
    shown = build_datamodule(replay.read_config(folder), site=replay.site_in(folder)).training.sample(4)
    assert np.array_equal(shown.lr, photos[0].sample(4).lr)
    assert not np.array_equal(shown.lr, photos[1].sample(4).lr)  # its noise has other values
    batched.undo()
    caplog.clear()
    changed = run(folder, "trainer.max_steps=6", "ckpt_path=last")
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [line for line in warnings if "renderer" in line] == [
        "the run resumes, but not as it would have: changed renderer=cpu (was cpu, by torch)"
    ]
    assert changed["settings"]["renderer"] == "cpu"


def test_what_a_gpu_rendered_is_replayed_elsewhere_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "checkpoints").mkdir()
    content = {"settings": {"renderer": "cuda"}, "state_dict": {}, "global_step": 1}
    torch.save(content, tmp_path / "checkpoints" / "last.ckpt")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    site = replay.site_in(tmp_path)
    assert site is not None
    assert site.device is None
    assert caplog.messages == [
        "the run's LR was made on a GPU, and there is none here: the CPU makes it, with other noise"
    ]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert replay.site_in(tmp_path) == Site("cuda")
    assert replay.site_in(tmp_path / "elsewhere") is None


SCRIPT = """
from functools import partial

import esrgan_train.train
from esrgan_train.__main__ import main
from esrgan_train.data.site import Site

if __name__ == "__main__":
    train = esrgan_train.train
    train.build_datamodule = partial(train.build_datamodule, site=Site("cpu"))
    main()
"""


@pytest.mark.tools  # a minute
def test_two_processes_equal_one_with_twice_the_batch(tmp_path: Path) -> None:
    script = tmp_path / "batched.py"
    script.write_text(SCRIPT)
    course = (*COURSE, "trainer.max_steps=4", "recipe.pixel_lr=2e-4", "recipe.lr=1e-4", "recipe.init=default")
    shares = {
        "one": ["recipe.batch_size=4"],
        "two": ["recipe.batch_size=2", "trainer.devices=2", "trainer.strategy=ddp"],
    }
    for name, share in shares.items():
        finish(start(tmp_path, [sys.executable, str(script)], *tiny(tmp_path / name, *course, *share)))
    one, two = load(tmp_path / "one"), load(tmp_path / "two")
    assert one["settings"]["renderer"] == two["settings"]["renderer"] == "cpu, by torch"
    for name, expected in one["state_dict"].items():
        assert (two["state_dict"][name] - expected).abs().max() < 1e-5, name


@pytest.mark.slow
@pytest.mark.usefixtures("batched")
def test_samples_learnt_by_heart_are_validated_as_they_are_trained(tmp_path: Path) -> None:
    learnt = run(tmp_path / "run", "trainer.max_steps=3", "data.overfit_samples=2")
    assert learnt["global_step"] == 3
