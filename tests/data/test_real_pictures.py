from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from esrgan_train.build import build_datamodule
from esrgan_train.config import compose_config
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.real_pictures import MOST, RealPictures
from esrgan_train.errors import UserError
from esrgan_train.images.encode import write_image

LOADER: Any = {"batch_size": 1, "accumulate": 1, "num_workers": 0, "cache_mb": 0, "max_bad_fraction": 0.1}
OPTIONS = StreamOptions(upscale=4, seed=0, gt_size=64, usm=False, **LOADER)
RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Gray, RGB with alpha, 16 bits, one pixel, one that is cut off, and one that is none."""
    levels = RNG.integers(0, 256, (24, 33, 4)).astype(np.uint8)
    write_image(tmp_path / "a_gray.png", levels[:, :, 0])
    write_image(tmp_path / "b_alpha.png", levels)
    write_image(tmp_path / "c_deep.png", levels[:, :, :3].astype(np.uint16) * 257)
    write_image(tmp_path / "d_dot.png", levels[:1, :1, :3])
    whole = (tmp_path / "b_alpha.png").read_bytes()
    (tmp_path / "e_cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "f_none.png").write_bytes(b"no picture")
    return tmp_path


@pytest.mark.parametrize(("colour", "channels"), [("rgb", 3), ("gray", 1), ("luma", 1)])
def test_pictures_of_all_kinds_are_given_as_networks_see_them(folder: Path, colour: Any, channels: int) -> None:
    found = {name: picture.numpy() for name, picture in RealPictures(folder, replace(OPTIONS, colour=colour))}
    assert list(found) == ["a_gray.png", "b_alpha.png", "c_deep.png", "d_dot.png"]
    assert {picture.shape for picture in found.values()} == {(channels, 24, 33), (channels, 1, 1)}
    assert np.abs(found["b_alpha.png"] - found["c_deep.png"]).max() <= 0.51 / 255  # 8 bits of gray are rounded
    gray = np.asarray(Image.open(folder / "a_gray.png"), np.float32) / 255
    assert np.abs(found["a_gray.png"] - gray).max() < 1e-6


def test_what_cannot_be_read_is_named_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    pictures = RealPictures(folder, OPTIONS)
    assert [remark.partition(" cannot")[0] for remark in pictures.remarks] == [str(folder / "f_none.png")]
    for _ in range(2):
        assert len(list(pictures)) == 4
    assert [str(folder / "e_cut.png") in line for line in caplog.messages] == [True]


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.val_lr_dir=.* holds no photo"):
        RealPictures(tmp_path, OPTIONS)
    with pytest.raises(UserError, match=r"data\.val_lr_dir=.* does not exist"):
        RealPictures(tmp_path / "none", OPTIONS)
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"holds no picture that can be read; the first: .*a\.png"):
        RealPictures(tmp_path, OPTIONS)


def test_a_large_folder_and_large_pictures_are_taken_in_part(tmp_path: Path) -> None:
    dull = np.full((40, 90, 3), 128, np.uint8)
    for number in range(MOST + 8):
        write_image(tmp_path / f"{number:02}.png", dull)
    dull[8:24, 70:86] = RNG.integers(0, 256, (16, 16, 3))
    write_image(tmp_path / "00.png", dull)
    pictures = RealPictures(tmp_path, replace(OPTIONS, val_max_size=64))
    found = dict(pictures)
    assert len(found) == MOST
    assert "32 of them" in pictures.remarks[0]
    assert {picture.shape for picture in found.values()} == {(3, 16, 16)}
    assert np.allclose(found["00.png"].numpy()[:, 4:12, 4:12].std(), 0.29, atol=0.06)  # the texture
    assert next(iter(RealPictures(tmp_path, OPTIONS)))[1].shape == (3, 40, 90)


def test_pairs_keep_the_option_for_their_held_out_side(tmp_path: Path) -> None:
    for name, side in (("hr", 64), ("lr", 16), ("val_hr", 64), ("val_lr", 16)):
        write_image(tmp_path / name / "a.png", RNG.integers(0, 256, (side, side, 3)).astype(np.uint8))
    folders = {"train_dir": "hr", "train_lr_dir": "lr", "val_dir": "val_hr", "val_lr_dir": "val_lr"}
    overrides = [f"data.{option}={tmp_path / name}" for option, name in folders.items()]
    datamodule = build_datamodule(compose_config(["data=paired", "data.gt_size=64", *overrides]))
    assert (datamodule.real, list(datamodule.real_pictures())) == (None, [])
    datamodule = build_datamodule(compose_config([f"data.val_lr_dir={tmp_path / 'lr'}"]))
    assert [name for name, _ in datamodule.real_pictures()] == ["a.png"]
