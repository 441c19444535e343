from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from esrgan_train.data.first_look import FirstLook
from esrgan_train.data.pairs import PairedPhotos, paired_photos
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable
from tests.data.small import names

MakePairs = Callable[..., PairedPhotos]


@pytest.fixture
def make_pairs(tmp_path: Path) -> MakePairs:
    """Writes pairs of the given (LR, HR) sizes, each (width, height)."""

    def make(*sizes: tuple[tuple[int, int], tuple[int, int]], folder: str = "", upscale: int = 2) -> PairedPhotos:
        tables = []
        for side in range(2):
            names = [f"{number}.png" for number in range(len(sizes))]
            root = tmp_path / f"{folder}{('lr', 'hr')[side]}"
            root.mkdir()
            for name, pair in zip(names, sizes, strict=True):
                Image.fromarray(np.zeros((*pair[side][::-1], 3), np.uint8)).save(root / name)
            tables.append(PathTable(root, names))
        return PairedPhotos(*tables, upscale=upscale)

    return make


@pytest.mark.parametrize(
    ("lr", "hr", "remedy"),
    [
        ((20, 10), (81, 41), "cut it to 80 × 40 if LR was made from that part, or make LR again"),
        ((20, 10), (40, 20), "give upscale=2, or make LR again"),
        ((20, 10), (84, 40), "make LR again, or remove the pair"),
        ((20, 10), (79, 40), "make LR again, or remove the pair"),
    ],
)
def test_a_wrong_scale_names_the_pair_the_sizes_and_the_remedy(
    make_pairs: MakePairs, lr: tuple[int, int], hr: tuple[int, int], remedy: str
) -> None:
    pairs = make_pairs(((10, 10), (40, 40)), (lr, hr), upscale=4)
    pairs.header(0)
    with pytest.raises(UserError) as caught:
        pairs.header(1)
    assert str(caught.value) == (
        f"{pairs[1]} is {hr[0]} × {hr[1]}, but upscale=4 times its LR {pairs.lr[1]} of 20 × 10 is "
        f"80 × 40: {remedy}"
    )


def test_a_side_that_is_stored_turned_is_left_to_decoding(make_pairs: MakePairs) -> None:
    assert make_pairs(((20, 10), (40, 80)), upscale=4).header(0).size == (40, 80)


def test_small_and_unreadable_pairs_are_counted(make_pairs: MakePairs, caplog: pytest.LogCaptureFixture) -> None:
    pairs = make_pairs(*[((10, 10), (20, 20))] * 3, ((8, 10), (16, 20)))
    pairs.lr[0].write_bytes(b"no picture")
    found = FirstLook(pairs, "training", max_bad_fraction=0.5)
    assert (found.looked_at, len(found.unreadable)) == (4, 1)
    with caplog.at_level(logging.INFO, logger="esrgan_train"):
        found.report_training(20)
    assert caplog.messages[0].startswith("1 of 4 photos looked at are smaller than the 20 × 20 window")


def split(folder: Path, **changed: Any) -> Any:
    options: dict[str, Any] = {
        "train_dir": folder / "hr",
        "train_lr_dir": folder / "lr",
        "val_dir": None,
        "val_lr_dir": None,
        "val_fraction": 0.05,
        "max_val_photos": 32,
        "upscale": 2,
    }
    return paired_photos(**(options | changed))


def test_held_out_pairs_stay_together(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(*[((4, 4), (8, 8))] * 60)
    train, val, remarks = split(tmp_path)
    for pairs in (train, val):
        assert [pairs.lr.relative(i) for i in range(len(pairs.lr))] == names(pairs)
    assert len(train) + len(val) == 60
    assert 1 <= len(val) < 10
    assert remarks == ()


def test_folders_of_their_own_are_held_out_whole(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(((4, 4), (8, 8)))
    make_pairs(*[((4, 4), (8, 8))] * 2, folder="val_")
    train, val, _ = split(tmp_path, val_dir=tmp_path / "val_hr", val_lr_dir=tmp_path / "val_lr")
    assert (len(train), len(val)) == (1, 2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"val_dir": "x"},
            r"data\.val_dir=x is given without data\.val_lr_dir: give the folder of their LR photos",
        ),
        ({"train_lr_dir": None}, r"data\.train_dir=.*hr is given without data\.train_lr_dir: give the folder"),
        ({"val_lr_dir": "x"}, r"data\.val_lr_dir is given without data\.val_dir: give both"),
        ({"train_dir": {"a": 3}}, r"train_dir=\{'a': 3\}: give one folder"),
        ({"train_lr_dir": "gone"}, r"data\.train_lr_dir=gone does not exist"),
        ({"val_fraction": 2}, r"val_fraction=2"),
        ({}, r"holds one pair, and one must be held out"),
    ],
)
def test_what_cannot_be_paired_is_an_error(
    make_pairs: MakePairs, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    make_pairs(((4, 4), (8, 8)))
    with pytest.raises(UserError, match=message):
        split(tmp_path, **changed)


def test_one_folder_for_both_sides_is_an_error(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(((4, 4), (8, 8)))
    with pytest.raises(UserError, match="overlap"):
        split(tmp_path, train_lr_dir=tmp_path / "hr")
