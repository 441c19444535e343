from __future__ import annotations

from pathlib import Path

import pytest

from esrgan_train.data.pair_names import Side, match
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable


def table(root: str, *names: str) -> PathTable:
    return PathTable(Path(root), names)


def matched(lr: list[str], hr: list[str], upscale: int = 4) -> tuple[list[tuple[str, str]], list[str]]:
    sides = Side(table("l", *lr), "data.lr"), Side(table("h", *hr), "data.hr")
    small, large, remarks = match(*sides, upscale=upscale)
    assert len(small) == len(large)
    return [(small.relative(i), large.relative(i)) for i in range(len(large))], remarks


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


def test_swapped_folders_are_recognized_by_their_names() -> None:
    with pytest.raises(UserError, match=r"data\.hr=h has the names of LR photos, such as 1x4\.png: swap the two"):
        matched(["1.png", "2.png"], ["1x4.png", "2x4.png"])


def test_the_same_name_wins_over_an_ending() -> None:
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
