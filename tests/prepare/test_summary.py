from __future__ import annotations

from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from numpy.typing import NDArray

from esrgan_train.prepare.manifest import Row, Status
from esrgan_train.prepare.summary import summary


def row(number: int, status: Status = "kept") -> Row:
    reason = "" if status == "kept" else "blurred: edges 4.0 px wide (limit 3.3)"
    sizes = {"width": 600 + number, "height": 400, "bits": 8}
    scores = {"blur": 1 + number % 5, "detail": 0.1 + number % 7 / 10, "blockiness": number % 3 / 4}
    return Row(name=f"{number}.png", status=status, reason=reason, entries=1, **sizes, **scores)


class Shelf:
    """Gives a picture of one colour for each name, and remembers the names."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, name: str) -> NDArray[np.uint8]:
        self.asked.append(name)
        return np.full((400, 600, 3), (250, 0, 250), np.uint8)


def magenta(sheet: NDArray[np.uint8]) -> int:
    return int((sheet == (250, 0, 250)).all(axis=2).sum())


def test_it_is_about_1600_pixels_wide_and_shows_the_examples() -> None:
    shelf = Shelf()
    sheet = summary([row(n) for n in range(9)] + [row(9, "reported")], shelf, title="set")
    assert sheet.dtype == np.uint8
    assert 1500 < sheet.shape[1] < 1700
    assert "9.png" in shelf.asked
    assert magenta(sheet) > len(shelf.asked) * 100 * 100


def test_one_photo_is_enough_and_so_are_only_unreadable_ones() -> None:
    assert magenta(summary([row(1)], Shelf(), title="set")) > 0
    broken = Row(name="a.png", status="unreadable", reason="a.png cannot be read: truncated")
    assert magenta(summary([broken], Shelf(), title="set")) == 0


def test_photos_without_scores_can_be_drawn() -> None:
    blank = replace(row(1), blur=None, detail=None, blockiness=None, jpeg_quality=None)
    assert summary([blank], Shelf(), title="set").ndim == 3


@pytest.mark.slow
def test_of_many_photos_few_are_loaded() -> None:
    shelf = Shelf()
    statuses: list[Status] = ["kept", "reported", "left out"]
    summary([row(n, statuses[n % 3]) for n in range(20_000)], shelf, title="set")
    assert 6 < len(shelf.asked) < 40
    assert len(set(shelf.asked)) == len(shelf.asked)


def test_the_same_rows_make_the_same_picture_and_leave_matplotlib_as_it_was() -> None:
    before = dict(matplotlib.rcParams)
    rows = [row(n) for n in range(50)]
    assert np.array_equal(summary(rows, Shelf(), title="set"), summary(rows, Shelf(), title="set"))
    assert dict(matplotlib.rcParams) == before
