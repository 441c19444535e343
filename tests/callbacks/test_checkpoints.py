from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from esrgan_train.archs.weights import load_weights
from esrgan_train.config import compose_config
from esrgan_train.train import train
from esrgan_train.training.checkpoint_io import DurableCheckpointIO
from tests.tiny import tiny


def steps(folder: Path) -> dict[str, int]:
    return {p.name: torch.load(p, weights_only=True)["global_step"] for p in folder.glob("*.ckpt")}


def test_last_best_and_every_kth_are_kept_and_nothing_else(tmp_path: Path) -> None:
    overrides = ("trainer.max_steps=12", "recipe.start_step=100", "callbacks.checkpoints.every_n_steps=8")
    train(compose_config(tiny(tmp_path / "run", *overrides)))
    kept = steps(tmp_path / "run" / "checkpoints")
    assert kept.pop("best.ckpt") in (4, 8, 12)
    assert kept == {"last.ckpt": 12, "step_00000008.ckpt": 8}
    assert len(list((tmp_path / "run" / "checkpoints").iterdir())) == 3
    model = load_weights(tmp_path / "run" / "model" / "x4_prelu.safetensors")
    last = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    for name, tensor in model.state_dict.items():
        assert torch.equal(tensor, last[f"ema.module.{name}"])


def test_a_save_that_fails_keeps_the_checkpoint_before_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    saves = []

    def full_disk(content: Any, file: Any) -> None:
        if "global_step" in content:  # not the model file
            saves.append(content["global_step"])
        if content.get("global_step") == 8:
            file.write(b"half of it")
            raise OSError(28, "No space left on device")
        torch_save(content, file)

    torch_save = torch.save
    monkeypatch.setattr(torch, "save", full_disk)
    with caplog.at_level(logging.WARNING):
        train(compose_config(tiny(tmp_path / "run", "trainer.max_steps=8", "recipe.start_step=100")))
    assert saves == [4, 8]
    assert steps(tmp_path / "run" / "checkpoints")["last.ckpt"] == 4
    assert not list((tmp_path / "run" / "checkpoints").glob("*partial*"))
    assert f"{tmp_path}/run/checkpoints/last.ckpt cannot be written (No space left on device)" in caplog.text


def test_the_file_is_flushed_before_it_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr("esrgan_train.files.os.fsync", lambda fd: (events.append("flush"), fsync(fd))[1])
    monkeypatch.setattr(Path, "replace", lambda self, to: (events.append("rename"), replace(self, to))[1])
    DurableCheckpointIO().save_checkpoint({"global_step": 1}, tmp_path / "last.ckpt")
    assert events == ["flush", "rename", "flush"]
