from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from esrgan_train.images.lettering import font
from esrgan_train.images.sheet import in_lines, labelled_sheet, shorten


def tile(height: int, width: int, value: int) -> Any:
    return np.full((height, width, 3), (value, 0, 0), np.uint8)


def place_of(sheet: Any, value: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of a tile."""
    rows, columns = np.nonzero((sheet == (value, 0, 0)).all(axis=2))
    return rows.min(), columns.min(), rows.max() - rows.min() + 1, columns.max() - columns.min() + 1


def test_tiles_of_unequal_size_are_whole_and_aligned() -> None:
    rows = [[("a", tile(150, 140, 101)), ("b", tile(40, 200, 102))], [("c", tile(60, 180, 103))]]
    sheet = labelled_sheet(rows, title="title")
    places = [place_of(sheet, value) for value in (101, 102, 103)]
    assert [place[2:] for place in places] == [(150, 140), (40, 200), (60, 180)]
    (top_a, left_a, *_), (top_b, left_b, *_), (top_c, left_c, *_) = places
    assert top_a == top_b
    assert left_a == left_c
    assert left_b >= left_a + 180  # the column is as wide as its widest tile
    assert top_c >= top_a + 150


def test_labels_and_title_are_drawn_above_the_tiles() -> None:
    plain = labelled_sheet([[("", tile(50, 150, 101))]])
    labelled = labelled_sheet([[("label", tile(50, 150, 101))]])
    titled = labelled_sheet([[("label", tile(50, 150, 101))]], title="title")
    top = place_of(plain, 101)[0]
    assert (labelled[:top] < 100).any()
    assert not (plain[:top] < 100).any()
    assert titled.shape[0] > labelled.shape[0]


def test_a_long_label_loses_its_middle() -> None:
    letters = font(15)
    short = shorten("a_very_long_name_of_a_photo_0001.png", letters, 120)
    assert letters.getlength(short) <= 120
    assert short.startswith("a_v")
    assert short.endswith(".png")
    assert shorten("short", letters, 120) == "short"
    assert shorten("x", letters, 0) == "…"


def test_a_long_label_breaks_between_words_before_it_is_shortened() -> None:
    letters, words = font(15), "one two three four five six seven eight nine ten eleven"
    assert in_lines("one two", letters, 120, 2) == ["one two"]
    first, second, third = in_lines(words, letters, 120, 3)
    assert words.startswith(f"{first} {second} ")
    assert third.startswith("seven")
    assert "…" in third
    assert all(letters.getlength(line) <= 120 for line in (first, second, third))
    one, two = (labelled_sheet([[("label", tile(50, 150, 101))]], label_lines=lines) for lines in (1, 2))
    assert place_of(two, 101)[0] > place_of(one, 101)[0]


@pytest.mark.parametrize("rows", [[], [[]]])
def test_a_sheet_without_pictures_is_refused(rows: Any) -> None:
    with pytest.raises(ValueError):
        labelled_sheet(rows)


@pytest.mark.parametrize(
    ("name", "escaped"),
    [("Müller 写真.png", r"Müller \u5199\u771f.png"), ("a\nb", r"a\nb"), ("Łódź Ελλάδα 😀", "Łódź Ελλάδα 😀")],
)
def test_labels_are_drawn_as_letters_or_escapes_and_never_as_boxes(name: str, escaped: str) -> None:
    drawn, expected = (labelled_sheet([[(label, tile(40, 300, 101))]], title=label) for label in (name, escaped))
    assert np.array_equal(drawn, expected)
