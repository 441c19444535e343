from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from esrgan_train.data import preflight
from esrgan_train.data.pair_tables import PairTables, look_at_pairs, match, paired_split
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable


def table(root: str, *names: str) -> PathTable:
    return PathTable(Path(root), names)


def matched(lr: list[str], hr: list[str], upscale: int = 4) -> tuple[list[tuple[str, str]], list[str]]:
    pairs, remarks = match(table("l", *lr), table("h", *hr), upscale=upscale, options=("data.lr", "data.hr"))
    assert len(pairs.lr) == len(pairs.hr)
    return [(pairs.lr.relative(i), pairs.hr.relative(i)) for i in range(len(pairs.hr))], remarks


def test_partners_have_the_same_path_whatever_their_suffix() -> None:
    pairs, remarks = matched(["a/1.jpg", "b/1.png"], ["a/1.png", "b/1.webp"])
    assert pairs == [("a/1.jpg", "a/1.png"), ("b/1.png", "b/1.webp")]
    assert remarks == []


@pytest.mark.parametrize("ending", ["x4", "_x4", "-X4", "_LRx4", "LRx4", "_LR", "_lr_x4"])
@pytest.mark.parametrize("hr_name", ["0001", "0001_HR"])
def test_the_endings_of_the_fields_data_sets_are_known(ending: str, hr_name: str) -> None:
    lr, hr = f"s/0001{ending}.png", f"s/{hr_name}.png"
    assert matched([lr], [hr])[0] == [(lr, hr)]


def test_another_scales_ending_is_another_name() -> None:
    with pytest.raises(UserError, match=r"data\.lr=l and data\.hr=h have no photo in common.*1\.png has no"):
        matched(["1x2.png"], ["1.png"])


def test_folders_the_wrong_way_round_are_told_by_their_names() -> None:
    with pytest.raises(UserError, match=r"data\.hr=h has the names of LR photos, such as 1x4\.png: swap the two"):
        matched(["1.png", "2.png"], ["1x4.png", "2x4.png"])


def test_the_same_name_goes_before_an_ending() -> None:
    pairs, remarks = matched(["1x4.png", "1.png"], ["1.png", "1x4.png"])
    assert pairs == [("1.png", "1.png"), ("1x4.png", "1x4.png")]
    assert remarks == []


def test_photos_without_a_partner_are_counted_and_named() -> None:
    hr = [f"{i}.png" for i in range(9)]
    pairs, remarks = matched(["8.png", "other.png"], hr)
    assert pairs == [("8.png", "8.png")]
    assert remarks == [
        "data.hr: 8 of 9 photos have no partner in data.lr and are left out: 0.png, 1.png, 2.png and 5 more",
        "data.lr: 1 of 2 photos have no partner in data.hr and are left out: other.png",
    ]


@pytest.mark.parametrize(
    ("lr", "hr", "message"),
    [
        (["1.png"], ["1.jpg", "1.png"], r"data\.hr=h: 1\.jpg and 1\.png are both named like 1: keep one"),
        (["1.jpg", "1.png"], ["1.png"], r"data\.lr=l: 1\.jpg and 1\.png are both named like 1: keep one"),
        (["1.png"], ["1.png", "1_HR.png"], r"1\.png and 1_HR\.png are both the partner of 1\.png: keep one"),
    ],
)
def test_a_name_for_two_files_is_an_error(lr: list[str], hr: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        matched(lr, hr)


MakePairs = Callable[..., PairTables]


@pytest.fixture
def make_pairs(tmp_path: Path) -> MakePairs:
    """Writes pairs of the given (LR, HR) sizes, each (width, height)."""

    def make(*sizes: tuple[tuple[int, int], tuple[int, int]], folder: str = "") -> PairTables:
        tables = []
        for side in range(2):
            names = [f"{number}.png" for number in range(len(sizes))]
            root = tmp_path / f"{folder}{('lr', 'hr')[side]}"
            root.mkdir()
            for name, pair in zip(names, sizes, strict=True):
                Image.fromarray(np.zeros((*pair[side][::-1], 3), np.uint8)).save(root / name)
            tables.append(PathTable(root, names))
        return PairTables(*tables)

    return make


@pytest.mark.parametrize(
    ("lr", "hr", "remedy"),
    [
        ((20, 10), (81, 41), "cut it to 80 × 40 if LR was made from that part, or make LR anew"),
        ((20, 10), (40, 20), "give upscale=2, or make LR anew"),
        ((20, 10), (84, 40), "make LR anew, or remove the pair"),
        ((20, 10), (79, 40), "make LR anew, or remove the pair"),
    ],
)
def test_a_wrong_scale_names_the_pair_the_sizes_and_the_remedy(
    make_pairs: MakePairs, lr: tuple[int, int], hr: tuple[int, int], remedy: str
) -> None:
    pairs = make_pairs(((10, 10), (40, 40)), (lr, hr))
    with pytest.raises(UserError) as caught:
        look_at_pairs(pairs, upscale=4, least=0)
    assert str(caught.value) == (
        f"{pairs.hr[1]} is {hr[0]} × {hr[1]}, but upscale=4 times its LR {pairs.lr[1]} of 20 × 10 is "
        f"80 × 40: {remedy}"
    )


def test_a_side_that_is_stored_turned_is_left_to_decoding(make_pairs: MakePairs) -> None:
    assert look_at_pairs(make_pairs(((20, 10), (40, 80))), upscale=4, least=0).unreadable == []


def test_small_and_unreadable_pairs_are_counted(make_pairs: MakePairs) -> None:
    pairs = make_pairs(*[((10, 10), (20, 20))] * 3, ((8, 10), (16, 20)))
    pairs.lr[0].write_bytes(b"no picture")
    found = look_at_pairs(pairs, upscale=2, least=20)
    assert (found.looked_at, found.small, len(found.unreadable)) == (4, 1, 1)


def test_of_many_pairs_an_even_part_is_looked_at(make_pairs: MakePairs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "MAX_LOOKED_AT", 2)
    pairs = make_pairs(((10, 10), (20, 20)), ((10, 10), (30, 30)), ((10, 10), (20, 20)))
    assert look_at_pairs(pairs, upscale=2, least=0).looked_at == 2  # the first and the last


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
    return paired_split(**(options | changed))


def test_held_out_pairs_stay_together(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(*[((4, 4), (8, 8))] * 60)
    train, val, remarks = split(tmp_path)
    for pairs in (train, val):
        assert [pairs.lr.relative(i) for i in range(len(pairs.lr))] == [
            pairs.hr.relative(i) for i in range(len(pairs.hr))
        ]
    assert len(train.hr) + len(val.hr) == 60
    assert 1 <= len(val.hr) < 10
    assert remarks == []


def test_folders_of_their_own_are_held_out_whole(make_pairs: MakePairs, tmp_path: Path) -> None:
    make_pairs(((4, 4), (8, 8)))
    make_pairs(*[((4, 4), (8, 8))] * 2, folder="val_")
    train, val, _ = split(tmp_path, val_dir=tmp_path / "val_hr", val_lr_dir=tmp_path / "val_lr")
    assert (len(train.hr), len(val.hr)) == (1, 2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"val_dir": "x"}, r"data\.val_dir is given without data\.val_lr_dir: give both"),
        ({"val_lr_dir": "x"}, r"data\.val_lr_dir is given without data\.val_dir: give both"),
        ({"train_dir": {"a": 3}}, r"data\.train_dir=\{'a': 3\}: data=paired takes one folder"),
        ({"train_lr_dir": "gone"}, r"data\.train_lr_dir=gone does not exist"),
        ({"val_fraction": 2}, r"data\.val_fraction=2"),
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
