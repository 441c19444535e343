"""What Windows has no file for is known on every system, and refused there before anything is written."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from esrgan_train.bounds import fits
from esrgan_train.checks.schema import FileName
from esrgan_train.checks.sweep import check_folders
from esrgan_train.errors import UserError
from esrgan_train.file_names import check_file_name, refused_by_windows, too_long
from esrgan_train.files import make_folder, replacing
from esrgan_train.inference.targets import plan
from esrgan_train.runs.place import resolve_run_dir

RIGHT = [
    "runs/x4_prelu/2024-05-01_12-00-00",
    r"C:\Users\me\my photos (2024)\été",
    r"\\server\share\photos",
    "../models",
    "./a",
    ".",
    "C:/",
    ".hidden",
    "a.b.c",
    "console",
    "com",
    "com10",
    "lr=0.1,upscale=2",
    "nul_1",
]


@pytest.mark.parametrize("path", RIGHT)
def test_ordinary_names_pass(path: str):
    assert refused_by_windows(path) is None


@pytest.mark.parametrize(
    ("path", "why"),
    [
        *((name, "name of a device") for name in ("CON", "com1", "LPT9", "COM¹", "aux.png", "a/prn.tar.gz/x")),
        ("conin$", "name of a device"),
        ("con .txt", "name of a device"),
        ("x4: mine", "x4: mine contains ':'"),
        ("runs/12:30", "12:30 contains ':'"),
        ("C:photos", "C: is a drive without a folder"),
        *((f"a{sign}b", f"contains {sign!r}") for sign in '<>"|?*'),
        ("a\tb", "contains '\\t'"),
        ("runs/a.", "ends in a dot"),
        ("runs/a /b", "ends in a space"),
    ],
)  # fmt: skip
def test_other_names_are_refused_with_the_part_that_is_wrong(path: str, why: str):
    assert why in (refused_by_windows(path) or "")


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")


def test_this_system_takes_them():
    for name in ("a:b", "CON", "a?"):
        check_file_name("run_dir", name)
        assert fits(name, FileName)


@pytest.mark.usefixtures("windows")
class TestInWindows:
    def test_a_run_is_refused_before_it_has_a_folder(self):
        with pytest.raises(
            UserError,
            match=r"^run_dir=runs/12:30: Windows takes no such name \(12:30 contains ':'\): give another$",
        ):
            resolve_run_dir(experiment="x4_prelu", run_dir="runs/12:30", ckpt_path=None)
        with pytest.raises(UserError, match=r"^experiment=aux: "):
            resolve_run_dir(experiment="aux", run_dir=None, ckpt_path=None)

    def test_a_model_name_is_a_file_name(self):
        assert fits("x4_mine", FileName)
        assert not fits("nul", FileName)

    def test_folders_that_values_name_are_checked(self):
        node = {"job": {"num": "???", "override_dirname": "data.train_dir=[a:b]"}}
        node |= {"sweep": {"dir": "runs/sweeps", "subdir": "${job.override_dirname}"}}
        with pytest.raises(UserError, match=r"^hydra\.sweep\.subdir=data\.train_dir=\[a:b\]: "):
            check_folders(OmegaConf.create(node))
        node["sweep"]["subdir"] = "${job.num}"
        check_folders(OmegaConf.create(node))

    def test_an_enlarged_photo_is_refused_before_any_is_enlarged(self, tmp_path: Path):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / "a:b.png")
        with pytest.raises(UserError, match=r"^OUT=out/a:b\.png: Windows takes no such name"):
            plan([str(tmp_path / "a:b.png")], Path("out"), "png")

    def test_whatever_is_written_has_a_name(self, tmp_path: Path):
        with pytest.raises(UserError, match="name of a device"), replacing(tmp_path / "con.pth"):
            pytest.fail("it must not be begun")
        assert not list(tmp_path.iterdir())


def test_a_path_that_is_too_long_is_told_in_one_line(tmp_path: Path):
    name = "a" * 300
    with pytest.raises(UserError, match=rf"{name}.* more than this system takes: give a folder"):
        make_folder(tmp_path / name)
    with pytest.raises(UserError, match="more than this system takes"), replacing(tmp_path / name) as partial:
        partial.write_bytes(b"weights")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    ("code", "length", "is_told"), [(206, 10, True), (3, 270, True), (3, 10, False), (5, 270, False)]
)
def test_windows_may_say_that_there_is_no_such_path(code: int, length: int, is_told: bool):
    error = OSError(errno.ENOENT, "The system cannot find the path specified")
    error.winerror = code
    told = too_long(error, "a" * length)
    assert (told is not None) is is_told
    if told is not None:
        assert "LongPathsEnabled" in str(told)
