from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esrgan_train.data.folder import folder_split
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable


def touch(folder: Path, count: int, start: int = 0) -> None:
    (folder / "sub").mkdir(parents=True, exist_ok=True)
    for number in range(start, start + count):
        (folder / "sub" / f"{number:04}.png").touch()


def names(table: PathTable) -> set[str]:
    return {table.relative(i) for i in range(len(table))}


def test_a_fixed_share_is_held_out(tmp_path: Path) -> None:
    touch(tmp_path, 400)
    train, val = folder_split(tmp_path)
    assert len(train) + len(val) == 400
    assert not names(train) & names(val)
    assert 8 <= len(val) <= 32
    again = folder_split(str(tmp_path))
    assert (names(again.train), names(again.val)) == (names(train), names(val))


def test_adding_photos_moves_none_to_the_other_side(tmp_path: Path) -> None:
    touch(tmp_path, 100)
    before = folder_split(tmp_path)
    touch(tmp_path, 100, start=100)
    after = folder_split(tmp_path)
    assert names(before.val) <= names(after.val)
    assert names(before.train) <= names(after.train)


def test_the_choice_depends_on_the_relative_path_alone(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        touch(tmp_path / folder, 60)
    assert names(folder_split(tmp_path / "here").val) == names(folder_split(tmp_path / "there").val)


@pytest.mark.parametrize("count", [2, 3, 10])
@pytest.mark.parametrize("fraction", [1e-9, 0.999999])
def test_each_side_has_a_photo(tmp_path: Path, count: int, fraction: float) -> None:
    touch(tmp_path, count)
    train, val = folder_split(tmp_path, val_fraction=fraction)
    assert len(val) == (1 if fraction < 0.5 else count - 1)
    assert len(train) == count - len(val)


def test_no_more_than_the_limit_is_held_out(tmp_path: Path) -> None:
    touch(tmp_path, 50)
    assert len(folder_split(tmp_path, val_fraction=0.9, max_val_photos=5).val) == 5


def test_a_folder_of_its_own_is_held_out_whole(tmp_path: Path) -> None:
    touch(tmp_path / "train", 1)
    touch(tmp_path / "val", 40)
    train, val = folder_split(tmp_path / "train", tmp_path / "val")
    assert (len(train), len(val)) == (1, 40)


def one_photo(folder: Path) -> None:
    touch(folder, 1)


def nested(folder: Path) -> None:
    touch(folder, 3)
    touch(folder / "val", 3)


@pytest.mark.parametrize(
    ("prepare", "options", "message"),
    [
        (one_photo, {}, r"data\.train_dir=.* holds one photo.*give data\.val_dir"),
        (nested, {"val": "val"}, "overlap.*side by side"),
        (nested, {"val": "."}, "overlap.*side by side"),
        (nested, {"val": "gone"}, r"data\.val_dir=.*does not exist"),
        (nested, {"val_fraction": 0}, r"data\.val_fraction=0"),
        (nested, {"max_val_photos": 0}, r"data\.max_val_photos=0"),
    ],
)
def test_what_cannot_be_split_is_an_error(
    tmp_path: Path, prepare: Callable[[Path], None], options: dict[str, Any], message: str
) -> None:
    prepare(tmp_path)
    val_dir = tmp_path / options.pop("val") if "val" in options else None
    with pytest.raises(UserError, match=message):
        folder_split(tmp_path, val_dir, **options)
