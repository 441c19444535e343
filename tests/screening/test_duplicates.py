from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import pytest

from esrgan_train.screening.duplicates import MOST_DIFFERENT_BITS, Match, matches_between, near_duplicates
from esrgan_train.screening.fingerprint import BITS, fingerprint
from esrgan_train.screening.luma import luma_of
from tests.screening.spoilt import Photo, as_jpeg, photo, with_noise

PHOTOS = ["astronaut", "brick", "camera", "coins", "grass", "gravel", "ihc", "motorcycle_left", "page", "coffee"]


def hash_of(picture: Photo) -> str:
    return fingerprint(luma_of(picture))


def bits_between(one: str, other: str) -> int:
    return bin(int(one, 16) ^ int(other, 16)).count("1")


def with_bits_changed(text: str, bits: int) -> str:
    return f"{int(text, 16) ^ (2**bits - 1):064x}"


@pytest.mark.parametrize("name", PHOTOS)
def test_the_same_photo_saved_otherwise_has_nearly_the_same_hash(name: str) -> None:
    original = photo(name)
    height, width = original.shape[:2]
    others = [
        as_jpeg(original, 50),
        cv2.resize(original, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA),
        np.clip(original * 1.2 + 10, 0, 255).astype(np.uint8),
        with_noise(original, 10),
        original[height // 100 :, width // 100 :],
    ]
    distances = [bits_between(hash_of(original), hash_of(other.astype(np.uint8))) for other in others]
    assert max(distances) <= MOST_DIFFERENT_BITS


def test_different_photos_have_different_hashes() -> None:
    pairs = combinations([hash_of(photo(name)) for name in PHOTOS], 2)
    assert min(bits_between(*pair) for pair in pairs) > MOST_DIFFERENT_BITS + 16


def test_blank_pictures_have_no_hash_and_resemble_nothing() -> None:
    blank = [hash_of(np.full((200, 300, 3), level, np.uint8)) for level in (0, 0, 128, 255)]
    assert blank == [""] * 4
    assert near_duplicates([*blank, *blank]) == []
    assert matches_between(blank, blank) == []


def test_each_picture_is_matched_with_the_nearest_earlier_one() -> None:
    first, other = hash_of(photo("coffee")), hash_of(photo("astronaut"))
    nearly, nearer = with_bits_changed(first, 30), with_bits_changed(first, 28)
    found = near_duplicates([first, "", other, nearly, nearer, other, with_bits_changed(first, 65)])
    assert found == [Match(3, 0, 30), Match(4, 3, 2), Match(5, 2, 0), Match(6, 3, 35)]


def test_the_limit_is_the_most_bits_that_may_differ() -> None:
    first = hash_of(photo("coffee"))
    pair = [first, with_bits_changed(first, 10)]
    assert near_duplicates(pair, most=10) == [Match(1, 0, 10)]
    assert near_duplicates(pair, most=9) == []


def test_many_are_compared_as_pair_by_pair() -> None:
    generator = np.random.default_rng(0)
    hashes = [generator.bytes(BITS // 8).hex() for _ in range(1200)]
    for place in range(100, 1200, 37):
        hashes[place] = with_bits_changed(hashes[place - 99], place % 60)
    bits = np.unpackbits(np.array([list(bytes.fromhex(text)) for text in hashes], np.uint8), axis=1).astype(
        np.float32
    )
    distances = (BITS - (2 * bits - 1) @ (2 * bits - 1).T) / 2
    nearest = [int(np.argmin(distances[place, :place])) for place in range(1, 1200)]
    expected = [
        Match(place, earlier, int(distances[place, earlier]))
        for place, earlier in enumerate(nearest, start=1)
        if distances[place, earlier] <= MOST_DIFFERENT_BITS
    ]
    assert len(expected) == 30
    assert near_duplicates(hashes) == expected


def test_two_sets_are_compared_with_each_other_only() -> None:
    first, other = hash_of(photo("coffee")), hash_of(photo("astronaut"))
    assert matches_between([first, first, other], ["", with_bits_changed(first, 3)]) == [
        Match(0, 1, 3),
        Match(1, 1, 3),
    ]
    assert matches_between([], [first]) == []
    assert matches_between([first], []) == []
