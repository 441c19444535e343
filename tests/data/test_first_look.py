from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from esrgan_train.data import sources
from esrgan_train.data.first_look import FirstLook
from esrgan_train.data.photos import Photos
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable
from tests.data.small import stream_options

MakePhotos = Callable[..., PathTable]


def look_at(photos: PathTable, *, limit: float = 0.5, kind: str = "training") -> FirstLook:
    return FirstLook(Photos(photos), kind, max_bad_fraction=limit)


def test_small_and_unreadable_photos_are_found(make_photos: MakePhotos, caplog: pytest.LogCaptureFixture) -> None:
    photos = make_photos((50, 50), (49, 90), (90, 49), (90, 90))
    photos[3].write_bytes(b"no picture")
    found = look_at(photos, limit=0.25)
    with caplog.at_level(logging.INFO, logger="esrgan_train"):
        found.report_training(50)
    line, unreadable = caplog.messages
    assert unreadable.startswith("1 of 4 photos looked at cannot be read; the first: ")
    assert line.startswith("2 of 4 photos looked at are smaller than the 50 × 50 window")
    assert len(found.unreadable) == 1
    too_many = r"data\.max_bad_fraction=0\.1 is exceeded: 1 of 4.*first: .*03\.png cannot"
    with pytest.raises(UserError, match=too_many):
        look_at(photos, limit=0.1)


def test_of_many_photos_an_even_part_is_looked_at(
    make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_LOOKED_AT", 3)
    assert [*look_at(make_photos(*[(9, 9)] * 5)).headers] == [0, 2, 4]


def test_none_readable_is_an_error_whatever_the_limit(make_photos: MakePhotos) -> None:
    photos = make_photos((50, 50))
    photos[0].write_bytes(b"")
    with pytest.raises(UserError, match=r"none of the 1 training photos can be read; the first: .*00\.png"):
        look_at(photos, limit=1)


def test_held_out_photos_must_be_large_enough_for_ssim(make_photos: MakePhotos) -> None:
    photos = make_photos((23, 23))
    look_at(photos).check_held_out(upscale=4)
    photos = make_photos((23, 23), (22, 90))
    with pytest.raises(UserError, match=r"01\.png is held out.*90 × 22 pixels.*data\.val_dir.*23 × 23"):
        look_at(photos).check_held_out(upscale=4)


def test_large_and_unreadable_held_out_photos_are_found(
    make_photos: MakePhotos, caplog: pytest.LogCaptureFixture
) -> None:
    photos = make_photos((64, 64), (65, 40), (40, 200), (64, 64))
    photos[3].write_bytes(b"")
    found = look_at(photos)
    with caplog.at_level(logging.INFO, logger="esrgan_train"):
        for size in (64, None):
            found.report_held_out(stream_options(val_max_size=size))
    line, *unreadable = caplog.messages
    assert len(unreadable) == 2
    assert all(each.startswith("1 of 4 held-out photos looked at cannot be read; ") for each in unreadable)
    assert line.startswith("2 of 4 held-out photos looked at are larger than data.val_max_size=64")
    with pytest.raises(UserError, match=r"1 of 4 held-out photos cannot be read; the first: .*03\.png"):
        look_at(photos, limit=0.1, kind="held-out")
