"""Augmentation in a whole configuration and in whole runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf, open_dict

from esrgan_train.build import build_datamodule
from esrgan_train.checks.effects import augmentations_left_out, options_without_effect
from esrgan_train.config import check, compose_config, config_dir
from esrgan_train.errors import UserError
from esrgan_train.identity import changed_settings, config_hash, settings_of
from esrgan_train.replay import main as replay
from esrgan_train.train import train
from tests.test_processes import ONE, RUN, TRAIN, TWO, assert_equals_one_process, finish, start
from tests.test_resume import LEARNT, assert_equal, load
from tests.tiny import tiny

CHOICES = sorted(file.stem for file in (config_dir() / "augmentation").glob("*.yaml"))
EVERY = (f"augmentation=[{','.join(CHOICES)}]", "data.rotate=true")
OWN = """
import torch

class Gray:
    def __init__(self, *, share):
        self.share = share

    def __call__(self, pair, partner, rng):
        assert partner is None
        grays = [image.mean(0, keepdim=True).expand_as(image) for image in pair]
        return type(pair)(*(torch.lerp(image, gray, self.share) for image, gray in zip(pair, grays)))
"""


@pytest.mark.slow
@pytest.mark.run
def test_both_stages_train_on_altered_samples_and_replay_names_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", logger="esrgan_train")
    train(compose_config(tiny(tmp_path / "run", *EVERY, "recipe.start_step=1", "trainer.max_steps=2")))
    assert "augmentation  cutblur 0.25, cutmix 0.25, mixup 0.25, resizemix 0.25" in caplog.messages
    caplog.clear()
    assert replay([str(tmp_path / "run"), *map(str, range(8))]) == 0
    assert any(", mixup with " in line for line in caplog.messages)
    assert any(", cutblur;" in line for line in caplog.messages)


@pytest.mark.tools
def test_a_resumed_run_is_altered_as_one_that_never_stopped(tmp_path: Path):
    course = (*EVERY, "recipe.start_step=2", "scheduler=constant", "recipe.val_check_interval=2")
    train(compose_config(tiny(tmp_path / "whole", *course, "trainer.max_steps=4")))
    train(compose_config(tiny(tmp_path / "parts", *course, "trainer.max_steps=3")))
    train(compose_config(tiny(tmp_path / "parts", *course, "trainer.max_steps=4", "ckpt_path=last")))
    whole, parts = load(tmp_path / "whole"), load(tmp_path / "parts")
    for key in LEARNT:
        assert_equal(parts[key], whole[key], key)


@pytest.mark.tools
def test_two_processes_equal_one_with_twice_the_batch(tmp_path: Path):
    for name, share in (("one", ONE), ("two", TWO)):
        finish(start(tmp_path, TRAIN, *tiny(tmp_path / name, *RUN, *EVERY, *share)))
    assert_equals_one_process(tmp_path / "two", tmp_path / "one")


def test_one_of_ones_own_needs_no_change_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "my_colours.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    own = ("+augmentation.gray.prob=0.5", "+augmentation.gray.function._target_=my_colours.Gray")
    cfg = compose_config(["augmentation=[cutmix]", *own, "+augmentation.gray.function.share=1"])
    check(cfg)
    samples = [build_datamodule(cfg).training.sample(n) for n in range(12)]
    gray = [sample.altered == "gray" for sample in samples]
    assert 2 < sum(gray) < 10
    assert "cutmix" in {sample.altered for sample in samples}
    for sample in samples:
        if sample.altered == "gray":
            assert np.ptp(sample.hr, axis=2).max() < 1e-6


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["augmentation=[mixup,cutmix]", "augmentation.mixup.prob=0.8"], r"is 1\.05, but a sample is altered in"),
        (["augmentation=[cutblur]", "augmentation.cutblur.function.sides=[1,0.5]"], r"sides=\[1,0\.5\]: give a"),
        (["+augmentation.mine.prob=0.1"], r"augmentation\.mine\.function=null builds nothing: give"),
        (["+augmentation.mine.function._target_=torch.nn.L1Loss"], r"augmentation\.mine has no prob: give augm"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_before_anything_is_built(overrides: list[str], told: str):
    cfg = compose_config(overrides)
    with pytest.raises(UserError, match=told):
        check(cfg)
        build_datamodule(cfg)


def test_one_that_is_never_drawn_is_said():
    cfg = compose_config(["augmentation=[mixup,cutmix]", "augmentation.mixup.prob=0"])
    assert list(augmentations_left_out(cfg)) == [
        "augmentation.mixup alters no sample: its prob is 0; give augmentation.mixup.prob, or leave it out"
    ]
    assert list(options_without_effect(cfg, ["augmentation.mixup.function.alpha=2"])) == [
        "augmentation.mixup.function.alpha=2 has no effect: augmentation.mixup.prob=0 alters no sample"
    ]
    (line,) = augmentations_left_out(compose_config(["augmentation=[cutmix,cutblur]", "degradation=bicubic"]))
    assert line.startswith("augmentation.cutblur has no effect: ")
    drawn = build_datamodule(cfg).training.augmentations
    assert str(drawn) == "cutmix 0.25"


def test_nothing_is_drawn_unless_it_is_chosen():
    cfg = compose_config([])
    assert cfg.augmentation == {}
    assert cfg.data.rotate is False
    assert build_datamodule(cfg).training.augmentations is None


def test_a_recipe_may_turn_samples():
    assert compose_config(["+recipe.rotate=true"]).data.rotate is True


def test_a_run_folder_of_an_earlier_version_has_no_such_group():
    cfg = compose_config([])
    with open_dict(cfg):
        del cfg.augmentation, cfg.data.rotate
    assert build_datamodule(OmegaConf.create(cfg)).training.augmentations is None


def test_a_change_is_reported_when_a_run_resumes_and_none_to_those_that_had_no_choice():
    plain = settings_of(compose_config([]))
    older = {name: value for name, value in plain.items() if name != "data.rotate"}
    assert not any(name.startswith("augmentation") for name in plain)
    assert changed_settings(older, plain) == []
    now = compose_config(["augmentation=[cutblur]", "data.rotate=true"])
    assert changed_settings(older, settings_of(now)) == [
        "augmentation.cutblur.function._target_=esrgan_train.data.augment.cutblur.CutBlur (was None)",
        "augmentation.cutblur.prob=0.25 (was None)",
        "data.rotate=True (was False)",
    ]
    assert config_hash(now) != config_hash(compose_config([]))
