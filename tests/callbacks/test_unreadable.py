"""Photos that cannot be read, from a run's start to its summary."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from esrgan_train.build import build_datamodule
from esrgan_train.callbacks import unreadable
from esrgan_train.callbacks.unreadable import Unreadable
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.inference.baseline import enlarge_bicubic
from esrgan_train.metrics.image_quality import psnr
from esrgan_train.train import train
from tests.tiny import tiny

pytestmark = pytest.mark.run

MakeFolders = Callable[..., Path]
ONE_STEP = (
    "trainer.max_steps=1",
    "recipe.start_step=5",
    "recipe.val_check_interval=1",
    "callbacks.lpips.use=false",
)


@pytest.fixture
def make_folders(tmp_path: Path) -> MakeFolders:
    """Ten photos in each of two folders, of which the given ones are cut off."""

    def make(*, train_bad: tuple[int, ...] = (), val_bad: tuple[int, ...] = ()) -> Path:
        for folder, bad in (("train", train_bad), ("val", val_bad)):
            (tmp_path / folder).mkdir()
            for number in range(10):
                path = tmp_path / folder / f"{number}.png"
                pixels = np.random.default_rng(number).integers(0, 256, (48, 48, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(path)
                if number in bad:
                    path.write_bytes(path.read_bytes()[:2000])
        return tmp_path

    return make


def run(root: Path, *more: str) -> Path:
    folders = (f"data.train_dir={root / 'train'}", f"data.val_dir={root / 'val'}")
    train(compose_config(tiny(root / "run", "data=folder", "recipe=demo", *folders, *ONE_STEP, *more)))
    return root / "run"


@pytest.mark.slow
def test_a_bad_held_out_photo_is_named_counted_and_left_out(
    make_folders: MakeFolders, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_folders(val_bad=(1,))
    preview = "callbacks.previews={_target_:esrgan_train.callbacks.previews.Previews,max_photos:3,crop:32}"
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        folder = run(root, "trainer.num_sanity_val_steps=-1", preview, f"+callbacks.previews.run_dir={root}/run")
    (line,) = (message for message in caplog.messages if "1.png" in message)
    assert line.endswith("it is left out of the figures")
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["bad_samples"] == 1
    held_out = build_datamodule(OmegaConf.load(folder / "config.yaml")).validation  # type: ignore[arg-type]
    good = [held_out[index] for index in range(10) if index != 1]
    scores = [psnr(enlarge_bicubic(item["lr"][None], 4), item["hr"][None], 4).item() for item in good]
    assert summary["val"]["psnr_bicubic"] == pytest.approx(np.mean(scores), rel=1e-6)
    with Image.open(folder / "previews/step_00000001.png") as sheet:
        assert sheet.height > 3 * 32  # photos 0, 2 and 3


def test_too_many_bad_held_out_photos_end_the_run_in_one_line(make_folders: MakeFolders) -> None:
    root = make_folders(val_bad=(1, 5))
    with pytest.raises(UserError, match=r"data\.max_bad_fraction=0\.1 is exceeded: 2 of 10 held-out") as told:
        run(root)
    assert "5.png" in str(told.value)
    assert "\n" not in str(told.value)


def test_no_good_held_out_photo_ends_the_run_whatever_the_limit(make_folders: MakeFolders) -> None:
    root = make_folders(val_bad=tuple(range(10)))
    with pytest.raises(UserError, match="none of the 10 held-out photos can be read"):
        run(root, "data.max_bad_fraction=1", "trainer.num_sanity_val_steps=-1")


@pytest.mark.slow
def test_unreadable_headers_of_held_out_photos_are_reported_at_the_start(
    make_folders: MakeFolders, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_folders()
    (root / "val/7.png").write_bytes(b"no picture")
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        run(root)
    assert any("1 of 10 held-out photos looked at cannot be read; the first:" in m for m in caplog.messages)
    (root / "val/8.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match="2 of 10 held-out photos cannot be read; the first:"):
        run(root)


def test_the_processes_count_each_bad_photo_once_and_end_alike(
    make_folders: MakeFolders, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_folders()
    folders = (f"data.train_dir={root / 'train'}", f"data.val_dir={root / 'val'}")
    cfg = compose_config(tiny(root / "run", "data=folder", "recipe=demo", *folders))
    processes = [build_datamodule(cfg), build_datamodule(cfg)]
    for datamodule, held_out in zip(processes, (3, 4), strict=True):
        training, validation = datamodule.bad
        training.add(6, "train/6.png cannot be read")
        validation.add(held_out, f"val/{held_out}.png cannot be read")
    noted = [tuple(bad.noted() for bad in datamodule.bad) for datamodule in processes]
    monkeypatch.setattr(unreadable, "gather_objects", lambda _: noted)
    caplog.clear()
    for rank, (datamodule, error) in enumerate(zip(processes, (UserError, SystemExit), strict=True)):
        trainer: Any = SimpleNamespace(datamodule=datamodule, is_global_zero=rank == 0)
        with pytest.raises(error) as ended:
            Unreadable().on_validation_epoch_end(trainer, None)  # type: ignore[arg-type]
        assert ("2 of 10 held-out photos cannot be read" in str(ended.value)) == (rank == 0)
        assert datamodule.bad_samples == 3
    assert [line.partition(" ")[0] for line in caplog.messages] == ["val/4.png", "val/3.png"]
