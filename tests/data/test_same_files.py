from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from esrgan_train.data.photos import Photos
from esrgan_train.data.same_files import same_files
from esrgan_train.images.find import PathTable
from tests.data.small import datamodule

MakePhotos = Callable[..., PathTable]


def test_copies_are_found_whatever_they_are_called(make_photos: MakePhotos) -> None:
    training = make_photos((40, 40), (50, 50), (60, 60))
    held_out = make_photos((70, 70), (80, 80), folder="held_out")
    shutil.copyfile(training[1], held_out[0])
    assert same_files(Photos(training), Photos(held_out)) == [(1, 0)]


def test_files_of_one_size_are_told_apart(tmp_path: Path) -> None:
    for name, last in (("a/0.bmp", b"1"), ("a/1.bmp", b"2"), ("b/0.bmp", b"2"), ("b/1.bmp", b"3")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(200_000) + last)
    training, held_out = (Photos(PathTable(tmp_path / side, ["0.bmp", "1.bmp"])) for side in "ab")
    assert same_files(training, held_out) == [(1, 0)]


def test_missing_and_empty_files_are_no_copies(tmp_path: Path) -> None:
    for side in "ab":
        (tmp_path / side).mkdir()
        (tmp_path / side / "empty.png").touch()
    sides = [Photos(PathTable(tmp_path / side, ["empty.png", "gone.png"])) for side in "ab"]
    assert same_files(*sides) == []


def test_the_start_of_a_training_says_so_once(make_photos: MakePhotos, caplog: pytest.LogCaptureFixture) -> None:
    training, held_out = make_photos((64, 64), (64, 64)), make_photos((64, 65), folder="held_out")
    shutil.copyfile(training[0], held_out[0])
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        datamodule(training, held_out).setup("fit")
    (line,) = (line for line in caplog.messages if "trained on as well" in line)
    assert line.startswith("1 held-out files are trained on as well")
    assert str(held_out[0]) in line
