"""The presets of debug=."""

from __future__ import annotations

import csv
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd import DeviceType

from esrgan_train.build import build_datamodule
from esrgan_train.callbacks.profile import spans_of
from esrgan_train.config import check, compose_config, tenth
from esrgan_train.errors import UserError
from esrgan_train.train import train
from tests.test_processes import TRAIN, finish, start
from tests.tiny import tiny


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@pytest.mark.run
def test_batch_takes_one_iteration_of_each_stage(tmp_path: Path):
    cfg = compose_config(["debug=batch", *tiny(tmp_path, "generator.num_feat=4")])
    assert (cfg.trainer.max_steps, cfg.loss.adversarial.start_step, cfg.data.batch_size) == (2, 1, 2)
    train(cfg)
    metrics = rows(tmp_path / "metrics.csv")
    gan = [int(row["step"]) for row in metrics if row.get("train/adversarial")]
    pixel = [int(row["step"]) for row in metrics if row.get("train/pixel")]
    assert (pixel, gan) == ([1, 2], [2])
    assert [row["step"] for row in metrics if row.get("val/psnr")] == ["2"]


@pytest.mark.slow
@pytest.mark.run
def test_limit_takes_a_tenth(tmp_path: Path):
    cfg = compose_config(["debug=limit", "recipe=published", "data=folder", "data.train_dir=photos"])
    check(cfg)
    assert (cfg.trainer.max_steps, cfg.loss.adversarial.start_step) == (140_000, 100_000)
    assert (cfg.trainer.val_check_interval, cfg.trainer.log_every_n_steps) == (500, 10)
    assert tenth(5) == 1
    small = ("recipe.max_steps=20", "recipe.start_step=10", "recipe.val_check_interval=20")
    train(compose_config(["debug=limit", *tiny(tmp_path, *small)]))
    assert [row["step"] for row in rows(tmp_path / "metrics.csv") if row.get("val/psnr")] == ["2"]


class Poisoned(torch.nn.Module):
    """A loss whose gradient is NaN although its value is not; not yet when it is tried before the run."""

    calls = 0

    def forward(self, sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        loss = (sr - hr).abs().mean()
        return loss if self.calls == 1 else torch.sqrt((sr - sr.detach()).abs()).sum() + loss


@pytest.mark.run
def test_anomaly_names_the_operation_that_made_nan(tmp_path: Path):
    poisoned = f"loss.pixel.function._target_={__name__}.Poisoned"
    with pytest.raises(RuntimeError, match=r"AbsBackward0' returned nan"):
        train(compose_config(["debug=anomaly", *tiny(tmp_path, poisoned, "trainer.max_steps=3")]))
    torch.autograd.set_detect_anomaly(False)


@pytest.mark.slow
@pytest.mark.run
def test_profile_shows_where_the_time_goes(tmp_path: Path):
    small = ("trainer.max_steps=8", "trainer.val_check_interval=8", "loss.adversarial.start_step=4")
    more = ("loss.perceptual.weight=1", "callbacks.profile.warmup=2", "trainer.log_every_n_steps=1")
    # A process of its own: how much the profiler of torch writes is settled when a process first uses it.
    process = start(tmp_path, TRAIN, "debug=profile", *tiny(tmp_path / "run", *small, *more))
    out, err = finish(process)
    table = rows(tmp_path / "run" / "profile.csv")
    spent = {stage: {r["span"]: float(r["seconds_per_iteration"]) for r in table if r["stage"] == stage}
             for stage in ("pixel", "gan")}  # fmt: skip
    alone = [
        *("data wait", "generator forward", "pixel loss", "generator backward"),
        *("gradients", "optimizers", "EMA", "logging", "other"),
    ]
    assert list(spent["pixel"]) == alone
    assert set(spent["gan"]) == {*alone, "perceptual loss", "discriminator forward", "discriminator backward"}
    assert all(0 < seconds < 60 for spans in spent.values() for seconds in spans.values())
    # VGG19 is far larger than networks of 8 features.
    assert spent["gan"]["perceptual loss"] > spent["gan"]["generator forward"]
    assert "discriminator backward" in out
    assert "profiler" not in err


@pytest.mark.slow
@pytest.mark.run
def test_a_profiled_run_learns_the_same(tmp_path: Path):
    small = ("trainer.max_steps=4", "trainer.val_check_interval=4", "loss.adversarial.start_step=2")
    for name, preset in (("plain", ()), ("profiled", ("debug=profile", "callbacks.profile.warmup=0"))):
        train(compose_config([*preset, *tiny(tmp_path / name, *small, "trainer.log_every_n_steps=1")]))
    plain, profiled = (
        torch.load(tmp_path / name / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
        for name in ("plain", "profiled")
    )
    assert plain.keys() == profiled.keys()
    assert all(torch.equal(plain[name], profiled[name]) for name in plain)


def test_kernels_belong_to_the_range_in_which_they_were_started():
    def event(name: str, start: int, end: int, *kernels: int, device: DeviceType = DeviceType.CPU) -> Any:
        durations = [SimpleNamespace(duration=duration) for duration in kernels]
        return SimpleNamespace(
            name=name, key=name, device_type=device, kernels=durations, cpu_time_total=end - start,
            time_range=SimpleNamespace(start=start, end=end))  # fmt: skip

    events = [
        event("esrgan/data wait", 0, 10),
        event("aten::copy_", 5, 6, 3),
        event("esrgan/generator forward", 10, 20),
        event("esrgan/generator forward", 900, 950, device=DeviceType.CUDA),
        event("aten::conv2d", 10, 12, 500, 20),
        event("esrgan/generator backward", 30, 90),
        event("aten::convolution_backward", 50, 60, 700),  # in another thread
        event("aten::mul", 95, 96, 8),
    ]
    profiler: Any = SimpleNamespace(events=lambda: events, key_averages=lambda: events)
    expected = {"data wait": 10e-6, "generator forward": 520e-6, "generator backward": 700e-6}
    assert spans_of(profiler) == pytest.approx(expected)


def overfit_datamodule(*overrides: str):
    return build_datamodule(compose_config(["debug=overfit", "data.num_workers=0", *overrides]))


@pytest.mark.run
def test_overfit_repeats_its_samples_in_training_and_validation():
    module = overfit_datamodule("data.overfit_samples=3", "data.batch_size=4", "data.gt_size=32")
    first, second = islice(iter(module.train_dataloader()), 2)
    assert first["index"].tolist() == [0, 1, 2, 0]
    assert second["index"].tolist() == [1, 2, 0, 1]
    assert torch.equal(first["hr"][0], first["hr"][3])
    held = list(module.val_dataloader())
    assert [int(batch["index"]) for batch in held] == [0, 1, 2]
    for batch in held:
        n = int(batch["index"])
        assert torch.equal(batch["hr"][0], first["hr"][n])
        assert torch.equal(batch["lr"][0], first["lr"][n])
        assert batch["counts"].all()


@pytest.mark.parametrize("samples", [0, -1, 1.5, True])
def test_a_senseless_number_of_samples_is_refused(samples: object):
    with pytest.raises(UserError, match=r"data\.overfit_samples=.*from 1 on"):
        overfit_datamodule(f"data.overfit_samples={samples}")


def test_overfit_is_the_pixel_loss_on_clean_pairs():
    cfg = compose_config(["debug=overfit"])
    check(cfg)
    assert cfg.degradation._target_.endswith("BicubicDegradation")
    assert (cfg.loss.perceptual.weight, cfg.loss.adversarial.weight) == (0, 0)
    assert (cfg.data.overfit_samples, cfg.data.gt_size, cfg.training.usm) == (8, 64, False)
    assert compose_config(["debug=overfit", "upscale=3"]).data.gt_size == 48


@pytest.mark.tools
def test_overfitting_eight_crops_passes_35_db(tmp_path: Path):
    more = ("callbacks.previews=null", "callbacks.curves=null", "trainer.accelerator=cpu")
    train(compose_config(["debug=overfit", f"run_dir={tmp_path}", *more]))
    psnr = [float(row["val/psnr"]) for row in rows(tmp_path / "metrics.csv") if row.get("val/psnr")]
    assert psnr[-1] > 35
    assert np.argmax(psnr) >= len(psnr) // 2
