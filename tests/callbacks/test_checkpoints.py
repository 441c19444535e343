from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from esrgan_train.callbacks.checkpoints import Checkpoints
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.loggers.metrics_csv import read_rows
from esrgan_train.modelfiles.weights import load_weights
from esrgan_train.train import train
from esrgan_train.training.checkpoint_io import DurableCheckpointIO
from esrgan_train.training.module import ESRGANModule
from tests.tiny import tiny


def steps(folder: Path) -> dict[str, int]:
    return {p.name: torch.load(p, weights_only=True)["global_step"] for p in folder.glob("*.ckpt")}


def rows(run_dir: Path) -> list[dict[str, str]]:
    return read_rows(run_dir / "metrics.csv")


@pytest.mark.slow
@pytest.mark.run
def test_last_the_best_of_each_stage_and_every_kth_are_kept_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    overrides = ("trainer.max_steps=12", "recipe.start_step=8", "callbacks.checkpoints.every_n_steps=8")
    with caplog.at_level(logging.INFO):
        train(compose_config(tiny(tmp_path / "run", *overrides)))
    kept = steps(tmp_path / "run" / "checkpoints")
    psnr = {int(row["step"]): float(row["val/psnr_y"]) for row in rows(tmp_path / "run") if row["val/psnr_y"]}
    assert list(psnr) == [4, 8, 12]
    best = max((4, 8), key=lambda step: psnr[step])
    assert kept == {"last.ckpt": 12, "step_00000008.ckpt": 8, "best_pixel.ckpt": best, "best_gan.ckpt": 12}
    assert len(list((tmp_path / "run" / "checkpoints").iterdir())) == 4
    told = json.loads((tmp_path / "run" / "summary.json").read_text())["best"]
    assert told == {
        "pixel": {
            "val/psnr_y": pytest.approx(psnr[best], abs=1e-4),
            "step": best,
            "file": "checkpoints/best_pixel.ckpt",
        },
        "gan": {"step": 12, "file": "checkpoints/best_gan.ckpt"},  # no weights of LPIPS are there
    }
    assert (
        f"best_pixel.ckpt, of the pixel stage: val/psnr_y {psnr[best]:.4g} after {best} iterations" in caplog.text
    )
    assert "best_gan.ckpt, of the GAN stage: the last after 12 iterations" in caplog.text
    assert "holds         GAN stage, iteration 12: the last, since no LPIPS or DISTS weights" in caplog.text
    model = load_weights(tmp_path / "run" / "model" / "x4_prelu.safetensors")
    last = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    for name, tensor in model.state_dict.items():
        assert torch.equal(tensor, last[f"ema.module.{name}"])
    note = json.loads((tmp_path / "run" / "model" / "model.json").read_text())
    assert (note["stage"], note["iterations"]) == ("gan", 12)
    assert (model.metadata["iterations"], model.metadata["chosen"]) == (12, note["holds"])


FALLING = (  # PSNR-Y: the learning rate is far too high for weights that start as bilinear enlargement
    *("optimizer.pixel_lr=0.01", "scheduler=constant", "training.init=bilinear", "training.ema_decay=0"),
    *("training.ema_warmup=false", "scheduler.warmup_steps=0"),
)


@pytest.mark.run
@pytest.mark.parametrize(("start_step", "warned"), [(8, True), (12, False)])
def test_a_gan_stage_that_starts_from_worse_than_the_best_is_warned_of(
    start_step: int, warned: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where it starts at all: of a pixel stage alone the best is in ``model/``."""
    course = (f"recipe.start_step={start_step}", "trainer.max_steps=12")
    train(compose_config(tiny(tmp_path / "run", *FALLING, *course)))
    psnr = {int(row["step"]): float(row["val/psnr_y"]) for row in rows(tmp_path / "run") if row["val/psnr_y"]}
    assert psnr[8] < psnr[4] - 0.05
    lines = [line for line in caplog.messages if "the GAN stage starts from val/psnr_y" in line]
    assert len(lines) == warned
    if warned:
        assert f"val/psnr_y {psnr[8]:.4g}, but after 4 iterations it was {psnr[4]:.4g}" in lines[0]
        advice = lines[0].partition("run_dir and ")[2].split()
        assert len(advice) == 3
        train(compose_config([*tiny(tmp_path / "again", *FALLING), *advice]))  # as it says
        note = json.loads((tmp_path / "again" / "model" / "model.json").read_text())
        assert (note["stage"], note["iterations"]) == ("gan", 4)


@pytest.mark.slow
@pytest.mark.run
def test_the_model_is_the_best_of_its_stage_and_is_written_again_if_it_is_gone(tmp_path: Path) -> None:
    overrides = tiny(tmp_path / "run", *FALLING, "trainer.max_steps=12", "recipe.start_step=100")
    train(compose_config(overrides))
    psnr = {int(row["step"]): float(row["val/psnr_y"]) for row in rows(tmp_path / "run") if row["val/psnr_y"]}
    best = max(psnr, key=lambda step: psnr[step])
    assert best < 12
    folder = tmp_path / "run" / "model"

    def check_model() -> None:
        model = load_weights(folder / "x4_prelu.pth")
        file = torch.load(tmp_path / "run" / "checkpoints" / "best_pixel.ckpt", weights_only=True)
        assert file["global_step"] == model.metadata["iterations"] == best
        assert (
            model.metadata["chosen"] == f"pixel stage, iteration {best}: the best by val/psnr_y {psnr[best]:.4g}"
        )
        for name, tensor in model.state_dict.items():
            assert torch.equal(tensor, file["state_dict"][f"ema.module.{name}"])

    check_model()
    (folder / "x4_prelu.pth").unlink()
    train(compose_config([*overrides, "trainer.max_steps=16", "ckpt_path=last", "optimizer.pixel_lr=1e-7"]))
    check_model()


def watching(run_dir: Path, monitor: str) -> Checkpoints:
    return Checkpoints(run_dir=str(run_dir), name="x", monitor=monitor, mode="max", every_n_steps=None)


def resume(checkpoints: Checkpoints, path: Path, content: dict[str, Any]) -> None:
    module = object.__new__(ESRGANModule)
    module.__dict__["measured"] = {}
    trainer: Any = SimpleNamespace(is_global_zero=True, ckpt_path=str(path))
    batches = {"total": {"ready": 13, "completed": 12}}
    loops = {"fit_loop": {"epoch_loop.batch_progress": batches}}
    checkpoints.on_load_checkpoint(trainer, module, {**content, "loops": loops})


def test_a_best_by_another_value_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    before, later = watching(tmp_path, "val/psnr"), watching(tmp_path, "val/ssim")
    before.best.note("pixel", 8, 25.0)
    best = tmp_path / "checkpoints" / "best_pixel.ckpt"
    best.parent.mkdir()
    torch.save({"global_step": 8, "state_dict": {}}, best)
    with caplog.at_level(logging.INFO):
        resume(later, tmp_path / "last.ckpt", {"global_step": 12, "best": before.best.state()})
    assert later.best.stages == {}
    (aside,) = (tmp_path / "abandoned").iterdir()
    assert steps(aside / "checkpoints") == {"best_pixel.ckpt": 8}
    assert not best.exists()
    assert "val/psnr 25 after 8 iterations cannot be compared" in caplog.text
    assert "(changed: callbacks.checkpoints.monitor)" in caplog.text


@pytest.mark.parametrize(
    ("best_step", "file_step", "kept"),
    # Of a process that died while saving, the best may still be an earlier one.
    [(8, 8, True), (12, None, True), (12, 8, True), (8, None, False), (8, 4, False)],
)
def test_a_best_is_resumed_where_its_checkpoint_is_here_or_is_the_one_resumed(
    best_step: int, file_step: int | None, kept: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    resumed = tmp_path / "elsewhere" / "step_00000012.ckpt"
    resumed.parent.mkdir()
    torch.save({"global_step": 12, "state_dict": {}}, resumed)
    best = tmp_path / "checkpoints" / "best_gan.ckpt"
    if file_step:
        best.parent.mkdir()
        torch.save({"global_step": file_step, "state_dict": {}}, best)
    before, later = (watching(tmp_path, "val/psnr") for _ in range(2))
    before.best.note("gan", best_step, 25.0)
    with caplog.at_level(logging.INFO):
        resume(later, resumed, {"global_step": 12, "best": before.best.state()})
    assert later.best.stages == ({"gan": (25.0, best_step)} if kept else {})
    if kept:
        assert steps(best.parent) == {"best_gan.ckpt": best_step}
    else:
        assert "the best of the GAN stage starts again: val/psnr 25 after 8 iterations" in caplog.text


@pytest.mark.slow
@pytest.mark.run
def test_a_save_that_fails_keeps_the_checkpoint_before_and_training_continues(
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


@pytest.mark.parametrize("wrong", [{"mode": "best"}, {"every_n_steps": 0}, {"every_n_steps": 1.5}])
def test_options_out_of_bounds_are_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    options = {"run_dir": str(tmp_path), "name": "x", "monitor": "val/psnr", "mode": "max", "every_n_steps": None}
    with pytest.raises(UserError, match=next(iter(wrong))):
        Checkpoints(**{**options, **wrong})


def test_the_file_is_flushed_before_it_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr("esrgan_train.files.os.fsync", lambda fd: (events.append("flush"), fsync(fd))[1])
    monkeypatch.setattr(Path, "replace", lambda self, to: (events.append("rename"), replace(self, to))[1])
    DurableCheckpointIO().save_checkpoint({"global_step": 1}, tmp_path / "last.ckpt")
    assert events == ["flush", "rename", "flush"]
