"""Addresses of places behind a protocol of fsspec, such as ``s3://bucket/set``; shown without credentials."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://.+", re.DOTALL)  # a single letter is a drive of Windows
_LOCAL = ("file://", "local://")
HIDDEN = "***"
_WORD = r"[^\s'\"<>]"  # what a URL within a text consists of
# With a colon, everything up to the last @: keys of S3 hold slashes, unlike hf://datasets/me/set@revision.
_USER = re.compile(rf"(?<=://)(?:[^\s'\"<>/@]+|{_WORD}*:{_WORD}*)@")
_QUERY = re.compile(rf"(://{_WORD}*?)[?#]{_WORD}+")


def masked(text: str) -> str:
    """The text without the credentials of URLs in it: what comes before an @ in them, and their queries."""
    if "://" not in text:
        return text
    return _QUERY.sub(rf"\1?{HIDDEN}", _USER.sub(f"{HIDDEN}@", text))


def masked_in(value: Any) -> Any:
    """A plain value without the credentials of URLs in it."""
    if isinstance(value, list):
        return [masked_in(item) for item in value]
    return masked(value) if isinstance(value, str) else value


class Url:
    """The address of a folder or a file.

    ``str`` is what people may read; only ``secret`` holds the credentials. A query follows to every file below:
    services sign whole folders so.
    """

    def __init__(self, secret: str) -> None:
        address, mark, query = secret.partition("?")
        self._address = address.rstrip("/")
        self._query = mark + query

    @property
    def secret(self) -> str:
        """The whole address, to be opened and never to be shown."""
        return self._address + self._query

    @property
    def is_masked(self) -> bool:
        """Whether the credentials have been taken out of it, as from what a run writes."""
        return HIDDEN in self.secret

    @property
    def protocol(self) -> str:
        """What comes before ``://``."""
        return self._address.partition("://")[0].lower()

    @property
    def name(self) -> str:
        """The last part of the path."""
        return str(self.resolve()).rpartition("/")[2]

    def __truediv__(self, below: str) -> Url:
        return Url(f"{self._address}/{below}{self._query}")

    def __str__(self) -> str:
        return masked(self.secret)

    def __repr__(self) -> str:
        return f"Url({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and self.secret == other.secret

    def __hash__(self) -> int:
        return hash(self.secret)

    def resolve(self) -> Url:
        """The place alone, by which two addresses are compared."""
        return Url(_USER.sub("", self._address))

    def is_relative_to(self, other: Url) -> bool:
        """Whether this place is the other, or lies below it."""
        return f"{self}/".startswith(f"{other}/")


Location = Path | Url


def overlap(one: Location, other: Location) -> bool:
    """Whether one of the places contains the other, or they are the same."""
    if isinstance(one, Url) or isinstance(other, Url):
        if not (isinstance(one, Url) and isinstance(other, Url)):
            return False
        return one.resolve().is_relative_to(other.resolve()) or other.resolve().is_relative_to(one.resolve())
    place, other_place = one.resolve(), other.resolve()
    return place.is_relative_to(other_place) or other_place.is_relative_to(place)


def location(place: str | Path) -> Location:
    """A path, or the address of a place that is none; ``file://`` addresses are paths."""
    text = str(place)
    if text.lower().startswith(_LOCAL):
        return Path(text.partition("://")[2])
    return Url(text) if is_url(place) else Path(place)


def is_url(place: str | Path) -> bool:
    """Whether a place has the form of an address, and is no local file."""
    return isinstance(place, str) and _URL.fullmatch(place) is not None and not place.lower().startswith(_LOCAL)
