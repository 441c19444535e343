"""Addresses are shown without their credentials, and joined with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from esrgan_train.remote.url import Url, is_url, location, masked, overlap


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:secret@host/set", "https://***@host/set"),
        ("https://secret@host:8080/set", "https://***@host:8080/set"),
        ("s3://KEY:se/cr/et@bucket/set", "s3://***@bucket/set"),
        ("https://host/set?X-Amz-Signature=secret&X=1#secret", "https://host/set?***"),
        ("https://me:secret@host/set?sig=secret", "https://***@host/set?***"),
        (
            "403, url='https://me:secret@host/a?sig=secret', and more",
            "403, url='https://***@host/a?***', and more",
        ),
        ("{s3://a?k=secret : 3}", "{s3://a?*** : 3}"),
        ("s3://bucket/set", "s3://bucket/set"),
        ("hf://datasets/me/set@main/packed", "hf://datasets/me/set@main/packed"),
        ("me@host: what is this? nothing", "me@host: what is this? nothing"),
    ],
)
def test_credentials_are_left_out(text: str, shown: str) -> None:
    assert masked(text) == shown
    assert masked(shown) == shown


def test_a_url_shows_no_credentials_but_opens_with_them() -> None:
    url = Url("https://me:secret@host/sets/one/?sig=secret") / "set.json"
    assert url.secret == "https://me:secret@host/sets/one/set.json?sig=secret"
    assert (
        f"{url} {url!r}" == "https://***@host/sets/one/set.json?*** Url('https://***@host/sets/one/set.json?***')"
    )
    assert (url.name, url.protocol) == ("set.json", "https")


@pytest.mark.parametrize("place", ["s3://bucket/set", "https://host/set", "hf://datasets/me/set", "memory://set"])
def test_addresses_are_told_from_paths(place: str) -> None:
    assert is_url(place)
    assert isinstance(location(place), Url)


@pytest.mark.parametrize(
    "place", ["my/photos", "C:\\photos", "c://photos", "/a:b//c", Path("s3://bucket"), "s3:x"]
)
def test_paths_are_told_from_addresses(place: str | Path) -> None:
    assert location(place) == Path(place)


def test_an_address_of_a_local_file_is_its_path() -> None:
    assert location("file:///my/set") == Path("/my/set")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("s3://a/b", "s3://a/b/", True),
        ("s3://a/b", "s3://a/b/c", True),
        ("s3://a/b/c", "s3://a/b", True),
        ("s3://a/b", "s3://a/bc", False),
        ("https://me:x@h/a?sig=1", "https://you:y@h/a?sig=2", True),
        ("s3://a/b", "a/b", False),
        ("a/b", "s3://a/b", False),
    ],
)
def test_places_overlap(one: str, other: str, expected: bool) -> None:
    assert overlap(location(one), location(other)) is expected
