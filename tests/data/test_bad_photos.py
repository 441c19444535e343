from __future__ import annotations

import logging

import pytest

from esrgan_train.data.bad_photos import BadPhotos
from esrgan_train.errors import UserError
from tests.data.small import stream_options


def make(count: int, *, max_fraction: float) -> BadPhotos:
    options = stream_options(max_bad_fraction=max_fraction)
    return BadPhotos([count], options, kind="training", consequence="another photo takes its place")


def test_a_bad_photo_is_named_once_and_counted_once(caplog: pytest.LogCaptureFixture) -> None:
    bad = make(10, max_fraction=0.5)
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        for _ in range(3):
            bad.add(4, "photos/4.png cannot be read: cut off")
    assert bad.count == 1
    assert [record.getMessage() for record in caplog.records] == [
        "photos/4.png cannot be read: cut off; another photo takes its place"
    ]


def test_too_many_bad_photos_stop_the_run() -> None:
    bad = make(10, max_fraction=0.2)
    bad.check()
    bad.add(0, "a")
    bad.add(1, "b")
    bad.check()
    bad.add(2, "c")
    with pytest.raises(UserError, match=r"data\.max_bad_fraction=0\.2 is exceeded: 3 of 10 training.*last: c;"):
        bad.check()


def test_none_good_stops_the_run_whatever_the_limit() -> None:
    bad = make(2, max_fraction=1)
    bad.add(1, "b")
    bad.check()
    bad.add(0, "a")
    with pytest.raises(UserError, match="none of the 2 training photos can be read; the last: a; give"):
        bad.check()


def test_processes_learn_from_each_other_and_name_each_photo_once(caplog: pytest.LogCaptureFixture) -> None:
    one, other = make(3000, max_fraction=1), make(3000, max_fraction=1)
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        one.add(4, "four")
        other.add(7, "seven")
        other.add(4, "four")
        caplog.clear()
        one.learn(one.noted())
        one.learn(other.noted())
        one.learn(other.noted())
    assert caplog.messages == ["seven; another photo takes its place"]
    assert one.noted() == {4: "four", 7: "seven"}
    assert other.noted() == {7: "seven", 4: "four"}
    for index in range(1500):
        other.add(index, f"photo {index}")
    noted = other.noted()
    assert (other.count, len(noted), noted[5], noted[1400]) == (1500, 1500, "photo 5", "")


def test_after_very_many_names_the_rest_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    bad = make(3000, max_fraction=0.5)
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        for index in range(1100):
            bad.add(index, f"photo {index} is bad")
    assert bad.count == 1100
    assert caplog.messages[0] == "photo 0 is bad; another photo takes its place"
    assert caplog.messages[999:] == [
        "photo 999 is bad; another photo takes its place",
        "further unreadable photos are counted, but no longer named",
    ]


def test_a_long_message_is_cut_and_odd_names_survive(caplog: pytest.LogCaptureFixture) -> None:
    bad = make(10, max_fraction=1)
    odd = b"caf\xe9.png".decode("utf-8", "surrogateescape")
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        bad.add(0, "x" * 5000)
        bad.add(1, f"{odd} cannot be read: ü")
    assert caplog.messages[0].startswith("xxx")
    assert len(caplog.messages[0]) < 700
    assert caplog.messages[1].endswith(".png cannot be read: ü; another photo takes its place")
