"""What earlier versions called otherwise is known under its name of today."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf

from esrgan_train.build import build_datamodule
from esrgan_train.config import compose_config
from esrgan_train.identity import changed_settings, settings_of
from esrgan_train.moved import PATHS, STATES, read_config
from esrgan_train.training.checkpoint_io import DurableCheckpointIO
from tests.golden.test_golden_run import HERE, OVERRIDES, TINY


@pytest.mark.parametrize("path", [path for path in PATHS.values() if path is not None])
def test_what_has_moved_is_where_the_table_says(path: str) -> None:
    module, _, name = path.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_a_run_of_an_earlier_version_has_the_settings_of_today() -> None:
    before = torch.load(HERE / "gan_stage.ckpt", weights_only=True)["settings"]
    now = settings_of(compose_config([*OVERRIDES, *TINY, "data.val_draws=1"]))  # as every earlier version
    assert before["data._target_"] in PATHS
    before = {name: value for name, value in before.items() if name in now or name.startswith("data.")}
    assert changed_settings(before, now) == []


@pytest.mark.parametrize("name", STATES)
def test_the_place_in_the_stream_is_found_in_checkpoints_of_earlier_versions(name: str, tmp_path: Path) -> None:
    checkpoint = torch.load(HERE / "gan_stage.ckpt", weights_only=True)
    checkpoint[name] = checkpoint.pop("DataModule")
    torch.save(checkpoint, tmp_path / "old.ckpt")
    loaded = DurableCheckpointIO().load_checkpoint(tmp_path / "old.ckpt", weights_only=True)
    assert loaded["DataModule"] == {"samples_seen": 12}


@pytest.mark.run
def test_the_configuration_of_an_old_run_builds_its_data(tmp_path: Path) -> None:
    cfg = compose_config([*OVERRIDES, *TINY])
    cfg = OmegaConf.create(OmegaConf.to_container(cfg, resolve=True))
    cfg.data._target_ = "esrgan_train.data.datamodule.DataModule"
    cfg.data.split = {"_target_": "esrgan_train.data.sample.sample_split"}
    OmegaConf.save(cfg, tmp_path / "config.yaml")
    assert build_datamodule(read_config(tmp_path / "config.yaml")).describe().startswith("11 photos from ")
