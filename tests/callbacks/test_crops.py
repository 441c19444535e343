from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from esrgan_train.callbacks import crops
from esrgan_train.callbacks.crops import write_crops
from esrgan_train.callbacks.previews import Previews
from tests.report.folders import picture, shown


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_pictures_are_kept_without_loss_and_what_does_not_change_once(tmp_path: Path) -> None:
    for step in (0, 4):
        write_crops(tmp_path, [shown("a.png", step=step)], step)
        (folder,) = tmp_path.iterdir()
        photo = shown("a.png", step=step)
        assert np.array_equal(read(folder / f"sr_{step:08}.webp"), photo.large["SR"])
        for label in ("bicubic", "HR"):
            assert np.array_equal(read(folder / f"{label.lower()}.webp"), photo.large[label])
        assert np.array_equal(read(folder / "lr.webp"), photo.lr)
    names = {path.name for path in folder.iterdir()}
    stills = {"lr.webp", "bicubic.webp", "hr.webp", "photo.json"}
    assert names == stills | {"sr_00000000.webp", "sr_00000004.webp"}
    note = json.loads((folder / "photo.json").read_text(encoding="utf-8"))
    assert note == {"name": "a.png", "number": 0, "upscale": 4, "real": False}


def test_other_pixels_get_a_folder_of_their_own(tmp_path: Path) -> None:
    one = shown("a.png")
    others = [shown("b.png"), one._replace(lr=255 - one.lr), shown("a.png", seed=7), shown("a.png", real=True)]
    write_crops(tmp_path, [one, *others], 0)
    assert len([*tmp_path.iterdir()]) == 5


def test_a_picture_without_hr_has_none(tmp_path: Path) -> None:
    write_crops(tmp_path, [shown("../\udcff.png", real=True)], 0)
    (folder,) = tmp_path.iterdir()
    assert not (folder / "hr.webp").exists()
    note = json.loads((folder / "photo.json").read_text(encoding="utf-8"))
    assert (note["name"], note["real"]) == ("../\udcff.png", True)


@pytest.mark.parametrize("side", [64, 68, 100])
def test_of_large_parts_the_middle_is_kept_at_the_same_place(
    side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crops, "_MOST", 64)
    photo = shown("a.png", side=side)
    nearest = photo.lr.repeat(4, axis=0).repeat(4, axis=1)
    write_crops(tmp_path, [photo._replace(large=photo.large | {"SR": nearest})], 0)
    (folder,) = tmp_path.iterdir()
    low, large = read(folder / "lr.webp"), read(folder / "sr_00000000.webp")
    assert large.shape[0] == 64
    assert np.array_equal(large, low.repeat(4, axis=0).repeat(4, axis=1))


def test_the_first_pairs_stay_also_in_a_resumed_run(tmp_path: Path) -> None:
    trainer: Any = SimpleNamespace(is_global_zero=True)
    module: Any = None
    for seed in (1, 5):
        previews = Previews(run_dir=str(tmp_path), max_photos=1, crop=None)
        low, high = (torch.tensor(picture(seed, side)).permute(2, 0, 1)[None] / 255 for side in (8, 32))
        previews.on_train_batch_start(trainer, module, {"lr": low, "hr": high})
    folder = tmp_path / "previews/pairs"
    assert sorted(path.name for path in folder.iterdir()) == ["0_hr.webp", "0_lr.webp"]
    assert np.array_equal(read(folder / "0_hr.webp"), picture(1, 32))
