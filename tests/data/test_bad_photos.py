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


def test_after_very_many_names_the_rest_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    bad = BadPhotos(table(3000), max_fraction=0.5)
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        for index in range(1100):
            bad.add(index, UserError(f"photo {index} is bad"))
    assert bad.count == 1100
    assert caplog.messages[0] == "photo 0 is bad; another photo takes its place"
    assert caplog.messages[999:] == [
        "photo 999 is bad; another photo takes its place",
        "further unreadable photos are counted, but no longer named",
    ]


def test_a_long_message_is_cut_and_odd_names_survive(caplog: pytest.LogCaptureFixture) -> None:
    bad = BadPhotos(table(10), max_fraction=1)
    odd = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        bad.add(0, UserError("x" * 5000))
        bad.add(1, UserError(f"{odd} cannot be read: ü"))
    assert caplog.messages[0].startswith("xxx")
    assert len(caplog.messages[0]) < 700
    assert caplog.messages[1].endswith(".png cannot be read: ü; another photo takes its place")
