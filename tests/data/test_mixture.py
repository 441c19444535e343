from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from esrgan_train.data.mixture import Mixture, digest_of_names, digest_of_sizes, turns_of
from esrgan_train.data.stream import folder_turn, photo_index, sample_rng
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable


def table(folder: str, count: int) -> PathTable:
    return PathTable(Path(folder), [f"{i}.png" for i in range(count)])


def test_one_folder_is_taken_as_it_always_was() -> None:
    for mixture in (Mixture.of(table("a", 7)), Mixture([table("a", 7)], (3,))):
        assert [mixture.photo_of(5, n) for n in range(50)] == [photo_index(5, n, 7) for n in range(50)]
        drawn = [mixture.replacement_of(5, 3, attempt, sample_rng(5, 3, attempt)) for attempt in range(1, 20)]
        assert drawn == [int(sample_rng(5, 3, attempt).integers(7)) for attempt in range(1, 20)]
        assert mixture.relative(-1) == "6.png"


def test_folders_without_weights_are_one() -> None:
    mixture = Mixture([table("a", 3), table("b", 9)])
    assert len(mixture) == 12
    for epoch in range(3):
        shown = [mixture.photo_of(1, n) for n in range(12 * epoch, 12 * epoch + 12)]
        assert sorted(shown) == list(range(12))


def test_photos_are_numbered_through_and_named_with_their_folder() -> None:
    mixture = Mixture([table("x/a", 2), table("y/b", 1)])
    assert [mixture.relative(i) for i in range(3)] == ["a/0.png", "a/1.png", "b/0.png"]
    assert (
        list(mixture)
        == [mixture[i] for i in range(3)]
        == [Path("x/a/0.png"), Path("x/a/1.png"), Path("y/b/0.png")]
    )
    assert Mixture([table("x/a", 1), table("y/a", 1)]).relative(1) == "y/a/0.png"
    for index in (3, -4):
        with pytest.raises(IndexError, match="of 3 photos"):
            mixture[index]


def test_weights_hold_in_every_block_and_each_folder_keeps_its_own_epochs() -> None:
    mixture = Mixture([table("a", 5), table("b", 40), table("c", 2)], (3, 1, 2))
    shown = [mixture.photo_of(9, n) for n in range(600)]
    folders = [0 if index < 5 else 1 if index < 45 else 2 for index in shown]
    for start in range(0, 600, 6):
        assert Counter(folders[start : start + 6]) == {0: 3, 1: 1, 2: 2}
    assert len({tuple(folders[start : start + 6]) for start in range(0, 600, 6)}) > 20  # in ever new order
    for folder, size in enumerate((5, 40, 2)):
        own = [index for index, owner in zip(shown, folders, strict=True) if owner == folder]
        for start in range(0, len(own) - size + 1, size):
            assert len(set(own[start : start + size])) == size


def test_the_count_before_a_sample_is_what_a_walk_finds() -> None:
    taken: Counter[int] = Counter()
    for n in range(200):
        folder, before = folder_turn(2, n, (4, 1, 3))
        assert before == taken[folder]
        taken[folder] += 1


def test_a_folders_own_order_does_not_depend_on_the_other_folders_size() -> None:
    small, grown = (Mixture([table("a", 5), table("b", size)], (1, 1)) for size in (3, 30))
    from_a = [{n: m.photo_of(0, n) for n in range(100) if m.photo_of(0, n) < 5} for m in (small, grown)]
    assert from_a[0] == from_a[1]
    assert len(from_a[0]) == 50


def test_a_replacement_comes_from_the_same_folder_as_long_as_it_may() -> None:
    mixture = Mixture([table("a", 5), table("b", 5)], (1, 1))
    for n in range(20):
        folder, _ = folder_turn(0, n, (1, 1))
        near = [mixture.replacement_of(0, n, attempt, sample_rng(0, n, attempt)) for attempt in range(1, 9)]
        assert {index // 5 for index in near} == {folder}
    far = {mixture.replacement_of(0, n, 9, sample_rng(0, n, 9)) // 5 for n in range(20)}
    assert far == {0, 1}  # or a folder without a sound photo would never be left


@pytest.mark.parametrize(
    ("weights", "turns"),
    [([3, 1], (3, 1)), ([3, 1.5], (2, 1)), ([0.1, 0.2, 0.7], (1, 2, 7)), ([10], (1,)), ([1e-3, 1], (1, 1000))],
)
def test_weights_become_the_smallest_whole_numbers(weights: list[float], turns: tuple[int, ...]) -> None:
    assert turns_of(weights, option="data.train_dir") == turns


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf"), "3", None, True])
def test_what_is_no_weight_is_refused(weight: object) -> None:
    with pytest.raises(UserError, match=r"data\.train_dir: .* is no weight: give a number above 0"):
        turns_of([1, weight], option="data.train_dir")  # type: ignore[list-item]


def test_weights_without_a_small_ratio_are_refused() -> None:
    with pytest.raises(UserError, match=r"exact only after 1,333,333 samples.*rounder"):
        turns_of([0.333333, 1], option="data.train_dir")


def test_digests_tell_names_order_and_sizes(tmp_path: Path) -> None:
    for name in ("0.png", "1.png"):
        (tmp_path / name).write_bytes(b"abc")
    here, elsewhere = Mixture.of(table(str(tmp_path), 2)), Mixture.of(table("gone", 2))
    assert digest_of_names(here) == digest_of_names(elsewhere) != digest_of_names(Mixture.of(table("a", 3)))
    before = digest_of_sizes(here, most=10)
    assert before != digest_of_sizes(elsewhere, most=10)
    (tmp_path / "1.png").write_bytes(b"ab")
    assert digest_of_sizes(here, most=10) != before
    assert digest_of_sizes(here, most=1) == digest_of_sizes(here, most=1)
