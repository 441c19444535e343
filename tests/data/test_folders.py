from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esrgan_train.config import compose_config
from esrgan_train.data.folders import turns_of
from esrgan_train.data.photos import Joined
from esrgan_train.data.sources import Source
from esrgan_train.errors import UserError
from tests.data.small import split


def touch(folder: Path, count: int, start: int = 0) -> None:
    (folder / "sub").mkdir(parents=True, exist_ok=True)
    for number in range(start, start + count):
        (folder / "sub" / f"{number:04}.png").touch()


def names(photos: Source) -> set[str]:
    return {photos.name(i) for i in range(len(photos))}


def test_a_fixed_share_is_held_out(tmp_path: Path) -> None:
    touch(tmp_path, 400)
    train, val, _ = split(tmp_path)
    assert len(train) + len(val) == 400
    assert not names(train) & names(val)
    assert 8 <= len(val) <= 32
    again = split(str(tmp_path))
    assert (names(again.training), names(again.validation)) == (names(train), names(val))


def test_adding_photos_moves_none_to_the_other_side(tmp_path: Path) -> None:
    touch(tmp_path, 100)
    before = split(tmp_path)
    touch(tmp_path, 100, start=100)
    after = split(tmp_path)
    assert names(before.validation) <= names(after.validation)
    assert names(before.training) <= names(after.training)


def test_the_choice_depends_on_the_relative_path_alone(tmp_path: Path) -> None:
    for folder in ("here", "there"):
        touch(tmp_path / folder, 60)
    assert names(split(tmp_path / "here").validation) == names(split(tmp_path / "there").validation)


@pytest.mark.parametrize("count", [2, 3, 10])
@pytest.mark.parametrize("fraction", [1e-9, 0.999999])
def test_each_side_has_a_photo(tmp_path: Path, count: int, fraction: float) -> None:
    touch(tmp_path, count)
    train, val, _ = split(tmp_path, val_fraction=fraction)
    assert len(val) == (1 if fraction < 0.5 else count - 1)
    assert len(train) == count - len(val)


def test_no_more_than_the_limit_is_held_out(tmp_path: Path) -> None:
    touch(tmp_path, 50)
    assert len(split(tmp_path, val_fraction=0.9, max_val_photos=5).validation) == 5


def test_a_folder_of_its_own_is_held_out_whole(tmp_path: Path) -> None:
    touch(tmp_path / "train", 1)
    touch(tmp_path / "val", 40)
    train, val, _ = split(tmp_path / "train", tmp_path / "val")
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
        (nested, {"val_fraction": 0}, r"val_fraction=0: give a number above 0 and below 1, such as 0.05"),
        (nested, {"max_val_photos": 0}, r"max_val_photos=0: give a whole number from 1 on"),
    ],
)
def test_what_cannot_be_split_is_an_error(
    tmp_path: Path, prepare: Callable[[Path], None], options: dict[str, Any], message: str
) -> None:
    prepare(tmp_path)
    val_dir = tmp_path / options.pop("val") if "val" in options else None
    with pytest.raises(UserError, match=message):
        split(tmp_path, val_dir, **options)


def test_several_folders_are_held_out_from_by_the_same_rule(tmp_path: Path) -> None:
    touch(tmp_path / "a", 200)
    touch(tmp_path / "b", 100, start=500)
    train, val, _ = split([tmp_path / "a", str(tmp_path / "b")])
    assert isinstance(train, Joined)
    assert train.turns is None
    assert len(train) + len(val) == 300
    alone = [names(split(tmp_path / folder).validation) for folder in "ab"]
    assert names(val) == {f"{folder}/{name}" for folder, held in zip("ab", alone, strict=True) for name in held}


def test_weights_come_with_the_folders(tmp_path: Path) -> None:
    touch(tmp_path / "a", 1)
    touch(tmp_path / "b", 30)
    weighted = {str(tmp_path / "a"): 3, str(tmp_path / "b"): 1.5}
    train, val, _ = split(weighted)
    assert isinstance(train, Joined)
    assert train.turns == (2, 1)
    assert [len(part) for part in train.parts] == [1, 30 - len(val)]  # the only photo of a folder stays
    assert train.describe() == f"{tmp_path / 'a'} (2 of 3 samples) and {tmp_path / 'b'} (1 of 3 samples)"


@pytest.mark.parametrize(
    ("train_dir", "message"),
    [
        ([], r"data\.train_dir=\[\] names no folder: give a folder, a list"),
        (5, "names no folder"),
        ([5], "names no folder in 5: give a folder, a list"),
        (None, "train_dir=null: give a folder, a list"),
        (["a", "gone"], r"data\.train_dir=.*gone does not exist"),
        (["a", "a"], "overlap"),
        (["a", "a/sub"], "overlap"),
        ({"a": 3, "b": 0}, "the weight of b=0: give a number above 0"),
        ([["a", 3], "b"], r"train_dir=\[\[a,3\],b\]: give a folder, a list"),
        (["one", "other"], "holds one photo"),
    ],
)
def test_wrong_folders_are_refused(
    tmp_path: Path, train_dir: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path / "a", 3)
    touch(tmp_path / "b", 3)
    touch(tmp_path / "one", 1)
    touch(tmp_path / "other", 1)
    with pytest.raises(UserError, match=message):
        split(train_dir)


@pytest.mark.run
@pytest.mark.parametrize(
    ("given", "turns"),
    [
        ("data.train_dir={my/a: 3, my/b.c: 1}", (3, 1)),
        ("data.train_dir={my/a:3,my/b.c:1.5}", (2, 1)),
        ("data.train_dir=[my/a,my/b.c]", None),
    ],
)
def test_the_command_line_takes_folders_and_weights(
    tmp_path: Path, given: str, turns: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path / "my/a", 40)
    touch(tmp_path / "my/b.c", 40)
    cfg = compose_config(["data=folder", given])
    train = split(cfg.data.train_dir).training
    assert isinstance(train, Joined)
    assert train.turns == turns
    assert [*train.folders] == [Path("my/a"), Path("my/b.c")]


@pytest.mark.parametrize(
    ("weights", "turns"),
    [([3, 1], (3, 1)), ([3, 1.5], (2, 1)), ([0.1, 0.2, 0.7], (1, 2, 7)), ([10], (1,)), ([1e-3, 1], (1, 1000))],
)
def test_weights_become_the_smallest_whole_numbers(weights: list[float], turns: tuple[int, ...]) -> None:
    assert turns_of(list(enumerate(weights))) == turns


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf"), "3", None, True])
def test_what_is_no_weight_is_refused(weight: object) -> None:
    wanted = r"data\.train_dir: the weight of b=.*: give a number above 0, or leave the folder out"
    with pytest.raises(UserError, match=wanted):
        turns_of([("a", 1), ("b", weight)])  # type: ignore[list-item]


def test_weights_without_a_small_ratio_are_refused() -> None:
    with pytest.raises(UserError, match=r"exact only after 1,333,333 samples.*rounder"):
        turns_of([("a", 0.333333), ("b", 1)])
