"""Whole runs whose degradation is a chain."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from esrgan_train import preview_data, replay
from esrgan_train.build import build_datamodule
from esrgan_train.config import compose_config
from esrgan_train.identity import STEPS
from esrgan_train.train import train
from tests.test_resume import LEARNT, assert_equal, load
from tests.tiny import tiny

pytestmark = pytest.mark.run

CHAIN = ("degradation=chain", "degradation/steps=[blur,reduce,noise,jpeg]")
COURSE = ("recipe.start_step=3", "scheduler=constant", "recipe.val_check_interval=3")


def run(folder: Path, *more: str) -> dict[str, Any]:
    train(compose_config(tiny(folder, *COURSE, *CHAIN, *more)))
    return load(folder)


@pytest.mark.tools  # two minutes
def test_a_run_resumes_as_if_it_had_not_stopped_and_another_order_is_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = run(tmp_path / "whole", "trainer.max_steps=5")
    run(tmp_path / "parts", "trainer.max_steps=4")
    parts = run(tmp_path / "parts", "trainer.max_steps=5", "ckpt_path=last")
    assert parts["settings"][STEPS] == "blur,reduce,noise,jpeg"
    for key in LEARNT:
        assert_equal(parts[key], whole[key], key)
    caplog.clear()
    other = "degradation/steps=[reduce,blur,noise,jpeg]"
    run(tmp_path / "parts", "trainer.max_steps=6", "ckpt_path=last", other)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [line for line in warnings if STEPS in line] == [
        f"the run resumes, but not as it would have: changed {STEPS}=reduce,blur,noise,jpeg "
        "(was blur,reduce,noise,jpeg)"
    ]
    replayed = build_datamodule(replay.read_config(tmp_path / "whole")).training.sample(3)
    shown = build_datamodule(compose_config(tiny(tmp_path / "whole", *CHAIN))).training.sample(3)
    np.testing.assert_array_equal(replayed.lr, shown.lr)


def test_a_chain_that_reduces_nothing_is_said_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path / "run", "trainer.max_steps=1", "degradation/steps=[blur]", "degradation.steps.blur.prob=1")
    (line,) = (message for message in caplog.messages if "never ends at LR's size" in message)
    assert line.startswith("degradation.steps ")


def test_a_preview_shows_a_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert preview_data.main([*CHAIN, "upscale=2", "data.gt_size=64"]) == 0
    sheets = sorted(tmp_path.rglob("*.png"))
    assert [sheet.name for sheet in sheets] == ["pairs.png", "strip.png"]
    assert all(min(Image.open(sheet).size) > 64 for sheet in sheets)
