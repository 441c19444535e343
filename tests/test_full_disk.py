"""Whatever a running training writes may fail: it goes on, says so, and keeps what is sound."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from esrgan_train.config import compose_config
from esrgan_train.train import train
from tests.small_files import can_mount, files_of_at_most, on_a_small_file_system
from tests.tiny import tiny

pytestmark = pytest.mark.run

PREVIEWS = "{_target_: esrgan_train.callbacks.previews.Previews, max_photos: 1, crop: 64}"


def run(run_dir: Path, *overrides: str) -> None:
    pictures = (
        f"callbacks.previews={PREVIEWS}",
        f"+callbacks.previews.run_dir={run_dir}",
        f"callbacks.curves={{_target_: esrgan_train.callbacks.curves.Curves, run_dir: {run_dir}}}",
    )
    better = ("recipe.start_step=100", "training.init=default")  # each validation than the one before
    train(compose_config(tiny(run_dir, *better, *pictures, *overrides)))


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING and "writ" in r.getMessage()]


@pytest.mark.slow
def test_a_run_continues_to_its_end_and_the_sound_checkpoint_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path, "trainer.max_steps=4")
    files = {path.name: path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()}
    with caplog.at_level(logging.INFO), files_of_at_most(8_000):
        run(tmp_path, "trainer.max_steps=12", "ckpt_path=last")
    failed = [
        "checkpoints/last.ckpt",
        "curves.png",
        "model/x4_prelu.pth",
        "model/x4_prelu.safetensors",
        "previews",
    ]
    *each, end = warnings_in(caplog)
    assert sorted(each) == [
        f"{tmp_path / name} cannot be written (File too large); what is there stays, and training continues: "
        "check the disk and the permissions"
        for name in failed
    ], files
    assert end.startswith("not up to date, since the last attempt to write failed: ")
    assert all(f"{tmp_path / name} (File too large)" in end for name in failed)
    assert "iteration 12: val/psnr" in caplog.text
    assert torch.load(tmp_path / "checkpoints/last.ckpt", weights_only=True)["global_step"] == 4
    assert not list(tmp_path.rglob("*partial*"))
    assert not (tmp_path / "previews/step_00000008.png").exists()


@pytest.mark.slow
def test_what_could_not_be_written_is_written_when_it_fits_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write(path: Path, _image: Any) -> None:
        steps.append(path.name)
        if len(steps) == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    steps: list[str] = []
    monkeypatch.setattr("esrgan_train.callbacks.previews.write_image", write)
    with caplog.at_level(logging.INFO):
        run(tmp_path, "trainer.max_steps=8", "callbacks.curves=null")
    assert steps == ["step_00000004.png", "step_00000008.png"]
    (warned,) = warnings_in(caplog)
    assert warned.endswith(
        "No space left on device); what is there stays, and training continues: free some space"
    )
    assert f"{tmp_path / 'previews'} is written again" in caplog.messages


@pytest.mark.slow
@pytest.mark.parametrize("writer", ["callbacks.previews.write_image", "training.checkpoint_io.write_torch"])
def test_a_fault_that_is_no_failure_to_write_still_ends_the_run(
    writer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault of the program")

    monkeypatch.setattr(f"esrgan_train.{writer}", broken)
    with pytest.raises(RuntimeError, match="a fault of the program"):
        run(tmp_path, "trainer.max_steps=4", "callbacks.curves=null")


@pytest.mark.slow
@pytest.mark.skipif(not can_mount(), reason="no right to mount a small file system")
def test_on_a_full_file_system_a_run_ends_well(tmp_path: Path) -> None:
    """Full from the first checkpoint on, of which a part fits: metrics.csv and train.log meet it too."""
    previews = (f"callbacks.previews={PREVIEWS}", "+callbacks.previews.run_dir=small/run")
    overrides = tiny(Path("small/run"), "trainer.max_steps=8", "recipe.start_step=100", *previews)
    done = on_a_small_file_system(tmp_path, "40k", "-m", "esrgan_train", *overrides)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "iteration 8: val/psnr" in done.stdout
    for name in ("checkpoints/last.ckpt", "model/x4_prelu.pth", "previews"):
        assert done.stdout.count(f"warning: small/run/{name} cannot be written (No space left on device)") == 1


LOGGERS = """
import numpy as np
from pathlib import Path
from esrgan_train.images.encode import write_image
from esrgan_train.loggers.tensorboard import tensorboard_logger
from esrgan_train.loggers.wandb_run import wandb_logger
from esrgan_train.logs import set_up_console
set_up_console()
picture = Path("picture.png")
write_image(picture, np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8))
loggers = [
    wandb_logger(run_dir="small", project="p", name="x", mode="offline", log_model=False),
    tensorboard_logger(run_dir="small"),
]
for logger in loggers:
    for step in (1, 2):
        logger.log_metrics({"train/pixel": 0.5}, step)
        logger.log_image("previews", [str(picture)], step)
    logger.finalize("success")
"""


@pytest.mark.tools
@pytest.mark.skipif(not can_mount(), reason="no right to mount a small file system")
def test_on_a_full_file_system_loggers_give_up_in_one_line_each(tmp_path: Path) -> None:
    done = on_a_small_file_system(tmp_path, "100k", "-c", LOGGERS)
    assert (done.returncode, done.stderr) == (0, "")
    wandb, tensorboard = done.stdout.splitlines()
    assert wandb.startswith("warning: Weights & Biases stopped working (OSError: [Errno 28] No space left")
    assert tensorboard.startswith("warning: TensorBoard stopped working (OSError: [Errno 28] No space left")
