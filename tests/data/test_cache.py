from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from esrgan_train.data.cache import PhotoCache
from esrgan_train.data.sources import Decoded


def counting_cache(max_bytes: int) -> tuple[PhotoCache, list[int]]:
    calls: list[int] = []

    def decode(index: int) -> Decoded:
        calls.append(index)
        return Decoded(hr=np.full((10, 5, 1), index, np.uint8), lr=np.full((5, 10, 1), index, np.uint8))

    return PhotoCache(decode, max_bytes=max_bytes), calls


def test_the_least_recently_used_photo_is_dropped_first() -> None:
    cache, calls = counting_cache(max_bytes=250)
    for index in (0, 1, 0, 2, 0, 1):  # 2 pushes out 1; then 1 pushes out 2
        assert (cache[index].hr == index).all()
    assert calls == [0, 1, 2, 1]
    assert cache.held_bytes == 200


@pytest.mark.parametrize("max_bytes", [0, 99])
def test_a_photo_that_does_not_fit_is_decoded_each_time(max_bytes: int) -> None:
    cache, calls = counting_cache(max_bytes)
    for _ in range(3):
        assert cache[4].hr[0, 0, 0] == 4
    assert calls == [4, 4, 4]
    assert cache.held_bytes == 0


def test_held_photos_cannot_be_changed() -> None:
    cache, _ = counting_cache(max_bytes=1000)
    with pytest.raises(ValueError, match="read-only"):
        cache[0].hr[:] = 1
    assert cache[0].lr is not None
    with pytest.raises(ValueError, match="read-only"):
        cache[0].lr[:] = 1


def test_a_failed_decode_holds_nothing() -> None:
    def decode(index: int) -> Any:
        raise ValueError(f"photo {index}")

    cache = PhotoCache(decode, max_bytes=1000)
    for _ in range(2):
        with pytest.raises(ValueError, match="photo 3"):
            cache[3]
    assert cache.held_bytes == 0
