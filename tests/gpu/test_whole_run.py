"""Whole runs on the GPU: put together in Python, and as Hydra composes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning import Callback, Trainer

import esrgan_train
from benchmarks.gpu.sizes import QUICK
from benchmarks.gpu.subjects import make_data, make_module, make_trainer
from esrgan_train.data.sample_photos import sample_photos
from tests.tiny import tiny

pytestmark = [pytest.mark.gpu, pytest.mark.run]


class Stop(Callback):
    """Ends a run after some iterations, and keeps what each measured."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.measured: list[dict[str, torch.Tensor]] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.measured.append(outputs["measured"])
        trainer.should_stop = len(self.measured) >= self.after


@pytest.mark.parametrize("stage", ["pixel", "gan"])
def test_a_run_without_hydra_trains_on_the_device(stage: str, device: torch.device, tmp_path: Path):
    stop = Stop(3)
    module = make_module(QUICK, device, stage)
    before = [parameter.detach().clone() for parameter in module.generator.parameters()]
    data = make_data(sample_photos(), QUICK)
    make_trainer(tmp_path / "run", device, stop).fit(module, datamodule=data)
    assert all(value.device.type == device.type for each in stop.measured for value in each.values())
    assert all(bool(value.isfinite()) for each in stop.measured for value in each.values())
    assert ("d_real" in stop.measured[0]) == (stage == "gan")
    after = module.generator.parameters()
    assert all(not torch.equal(old.cpu(), new.cpu()) for old, new in zip(before, after, strict=True))


def test_a_configured_run_trains_validates_saves_and_its_model_enlarges(device: torch.device, tmp_path: Path):
    pytest.importorskip("hydra", reason="hydra-core is not installed")
    from esrgan_train.config import compose_config
    from esrgan_train.train import train

    accelerator = "gpu" if device.type == "cuda" else "cpu"
    overrides = ("recipe.start_step=4", "trainer.max_steps=8", f"trainer.accelerator={accelerator}")
    train(compose_config(tiny(tmp_path / "run", *overrides, "trainer.precision=auto")))
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["iterations"] == 8
    assert ("cuda" in summary["device"].lower() or "nvidia" in summary["device"].lower()) == (
        device.type == "cuda"
    )
    generator = esrgan_train.load_generator(tmp_path / "run" / "model" / "x4_prelu.pth").to(device)
    photo = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert esrgan_train.upscale(photo, generator).shape == (80, 120, 3)
