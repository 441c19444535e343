from __future__ import annotations

from collections import Counter
from pathlib import Path

from esrgan_train.data.photos import Joined, Photos, join
from esrgan_train.data.stream import folder_turn, photo_index, sample_rng
from esrgan_train.images.find import PathTable


def table(folder: str, count: int) -> PathTable:
    return PathTable(Path(folder), [f"{i}.png" for i in range(count)])


def joined(*tables: PathTable, turns: tuple[int, ...] | None = None) -> Joined:
    return Joined([Photos(each) for each in tables], turns=turns)


def test_one_folder_is_taken_as_it_always_was() -> None:
    for photos in (Photos(table("a", 7)), join([Photos(table("a", 7))], turns=(3,))):
        assert [photos.photo_of(5, n) for n in range(50)] == [photo_index(5, n, 7) for n in range(50)]
        drawn = [photos.replacement_of(5, 3, attempt, sample_rng(5, 3, attempt)) for attempt in range(1, 20)]
        assert drawn == [int(sample_rng(5, 3, attempt).integers(7)) for attempt in range(1, 20)]


def test_folders_without_weights_are_one() -> None:
    photos = joined(table("a", 3), table("b", 9))
    assert len(photos) == 12
    for epoch in range(3):
        shown = [photos.photo_of(1, n) for n in range(12 * epoch, 12 * epoch + 12)]
        assert sorted(shown) == list(range(12))


def test_photos_are_numbered_through_and_named_with_their_folder() -> None:
    photos = joined(table("x/a", 2), table("y/b", 1))
    assert [photos.name(i) for i in range(3)] == ["a/0.png", "a/1.png", "b/0.png"]
    assert [photos.place(i) for i in range(3)] == ["x/a/0.png", "x/a/1.png", "y/b/0.png"]
    assert joined(table("x/a", 1), table("y/a", 1)).name(1) == "y/a/0.png"


def test_weights_hold_in_every_block_and_each_folder_keeps_its_own_epochs() -> None:
    photos = joined(table("a", 5), table("b", 40), table("c", 2), turns=(3, 1, 2))
    shown = [photos.photo_of(9, n) for n in range(600)]
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
    small, grown = (joined(table("a", 5), table("b", size), turns=(1, 1)) for size in (3, 30))
    from_a = [{n: m.photo_of(0, n) for n in range(100) if m.photo_of(0, n) < 5} for m in (small, grown)]
    assert from_a[0] == from_a[1]
    assert len(from_a[0]) == 50


def test_a_replacement_comes_from_the_same_folder_as_long_as_it_may() -> None:
    photos = joined(table("a", 5), table("b", 5), turns=(1, 1))
    for n in range(20):
        folder, _ = folder_turn(0, n, (1, 1))
        near = [photos.replacement_of(0, n, attempt, sample_rng(0, n, attempt)) for attempt in range(1, 9)]
        assert {index // 5 for index in near} == {folder}
    far = {photos.replacement_of(0, n, 9, sample_rng(0, n, 9)) // 5 for n in range(20)}
    assert far == {0, 1}  # or a folder without a sound photo would never be left
