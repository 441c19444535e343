from __future__ import annotations

import logging
from pathlib import Path

import pytest

from esrgan_train.data.bad_photos import BadPhotos
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable


def table(count: int) -> PathTable:
    return PathTable(Path("photos"), [f"{i}.png" for i in range(count)])


def test_a_bad_photo_is_named_once_and_counted_once(caplog: pytest.LogCaptureFixture) -> None:
    bad = BadPhotos(table(10), max_fraction=0.5)
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        for _ in range(3):
            bad.add(4, UserError("photos/4.png cannot be read: cut off"))
    assert bad.count == 1
    assert [record.getMessage() for record in caplog.records] == [
        "photos/4.png cannot be read: cut off; another photo takes its place"
    ]


def test_too_many_bad_photos_stop_the_run() -> None:
    bad = BadPhotos(table(10), max_fraction=0.2)
    bad.add(0, UserError("a"))
    bad.add(1, UserError("b"))
    with pytest.raises(UserError, match=r"data\.max_bad_fraction=0\.2 is exceeded: 3 of 10.*last: c;"):
        bad.add(2, UserError("c"))


def test_none_good_stops_the_run_whatever_the_limit() -> None:
    bad = BadPhotos(table(2), max_fraction=1)
    bad.add(1, UserError("b"))
    with pytest.raises(UserError, match="none of the 2 training photos"):
        bad.add(0, UserError("a"))


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan"), "a"])
def test_a_wrong_fraction_is_refused(fraction: float) -> None:
    with pytest.raises(UserError, match=r"data\.max_bad_fraction="):
        BadPhotos(table(1), max_fraction=fraction)
