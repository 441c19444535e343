from __future__ import annotations

from collections.abc import Callable

import pytest

from esrgan_train.data import preflight
from esrgan_train.data.preflight import check_readable, look_at, look_at_held_out
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable

MakePhotos = Callable[..., PathTable]


def test_small_and_unreadable_photos_are_found(make_photos: MakePhotos) -> None:
    photos = make_photos((50, 50), (49, 90), (90, 49), (90, 90))
    photos[3].write_bytes(b"no picture")
    found = look_at(photos, window_side=50)
    assert (found.looked_at, found.small, len(found.unreadable)) == (4, 2, 1)
    check_readable(found, max_bad_fraction=0.25, kind="training")
    with pytest.raises(UserError, match=r"data\.max_bad_fraction=0\.1 is exceeded: 1 of 4.*03\.png cannot"):
        check_readable(found, max_bad_fraction=0.1, kind="training")


def test_of_many_photos_an_even_part_is_looked_at(
    make_photos: MakePhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "MAX_LOOKED_AT", 3)
    photos = make_photos((9, 9), (50, 50), (9, 9), (50, 50), (9, 9))
    assert look_at(photos, window_side=20)[:2] == (3, 3)  # 0, 2 and 4


def test_none_readable_is_an_error_whatever_the_limit(make_photos: MakePhotos) -> None:
    photos = make_photos((50, 50))
    photos[0].write_bytes(b"")
    with pytest.raises(UserError, match="1 of 1"):
        check_readable(look_at(photos, window_side=20), max_bad_fraction=1, kind="training")


def test_held_out_photos_must_be_large_enough_for_ssim(make_photos: MakePhotos) -> None:
    look_at_held_out(make_photos((23, 23)), upscale=4, max_size=None)
    with pytest.raises(UserError, match=r"01\.png is held out.*90 × 22 pixels.*data\.val_dir.*23 × 23"):
        look_at_held_out(make_photos((23, 23), (22, 90)), upscale=4, max_size=None)


def test_large_and_unreadable_held_out_photos_are_found(make_photos: MakePhotos) -> None:
    photos = make_photos((64, 64), (65, 40), (40, 200), (64, 64))
    photos[3].write_bytes(b"")
    found = look_at_held_out(photos, upscale=4, max_size=64)
    assert (found.looked_at, found.large, len(found.unreadable)) == (4, 2, 1)
    assert look_at_held_out(photos, upscale=4, max_size=None).large == 0
    with pytest.raises(UserError, match=r"1 of 4 held-out photos cannot be read; the first: .*03\.png"):
        check_readable(found, max_bad_fraction=0.1, kind="held-out")
