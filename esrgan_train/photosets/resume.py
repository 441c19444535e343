"""A file from a server, also in several goes: what came before a cut stays and is not sent again."""

from __future__ import annotations

import http.client
import json
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from esrgan_train.errors import RunError
from esrgan_train.files import FULL

log = logging.getLogger(__name__)

Show = Callable[[int, "int | None"], None]  # bytes that are there, and of how many, if the server says it

_SECONDS = 30.0  # that a server may be silent
_BLOCK = 2**18
_CUTS = 5  # in a row that bring nothing new
_PAUSE = 1.0  # second before the next go; doubled after each that brought nothing
FAILURES = (OSError, http.client.HTTPException)  # of asking a server


class CutError(OSError):
    """The server sent less than it had announced."""


def receive(url: str, partial: Path, *, checked: bool, show: Show, most: int | None = None) -> bool:
    """Fetch ``url`` into ``partial``, which may hold the beginning; whether such a beginning was used.

    A beginning is used if the server still has the same file (``If-Range``); where it does not say which it has,
    only if ``checked``: the caller compares a checksum afterwards. A cut is followed by another go, as long as
    each brings something or for five in a row that do not.

    Raises:
        RunError: the server cannot be reached or refuses, cuts the connection again and again, or sends more than
            ``most`` bytes; what came stays.
    """
    continued, cuts, first = False, 0, _size(partial)
    while True:
        before = _size(partial)
        try:
            return _go(url, partial, checked=checked, show=show, most=most) or continued
        except FAILURES as error:
            cuts = 0 if _size(partial) > before else cuts + 1
            if cuts >= _CUTS or _size(partial) == first or not _may_pass(error):
                raise RunError(f"{url}: {' '.join(str(error).split()) or type(error).__name__}") from error
            log.info("%s: %s; it goes on", url, error)
            continued = True
            time.sleep(_PAUSE * 2**cuts)


def forget(partial: Path) -> None:
    """Remove a beginning."""
    partial.unlink(missing_ok=True)
    _note(partial).unlink(missing_ok=True)


def _go(url: str, partial: Path, *, checked: bool, show: Show, most: int | None) -> bool:
    headers = _continuing(url, partial, checked=checked)
    request = urllib.request.Request(url, headers={"User-Agent": "esrgan-train", **headers})
    try:
        answer = urllib.request.urlopen(request, timeout=_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code != http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise
        return _has_all(error, partial)
    with answer:
        continued: bool = answer.status == http.client.PARTIAL_CONTENT
        start = _size(partial) if continued else 0
        if continued and not str(answer.headers["Content-Range"]).startswith(f"bytes {start}-"):
            raise http.client.HTTPException(f"{answer.headers['Content-Range']} is not what was asked for")
        validator = answer.headers["ETag"] or answer.headers["Last-Modified"]
        _note(partial).write_text(json.dumps({"url": url, "validator": validator}), encoding="utf-8")
        length = answer.headers["Content-Length"]
        total = start + int(length) if length else None
        with partial.open("ab" if continued else "wb") as file:
            while block := answer.read(_BLOCK):
                file.write(block)
                if most is not None and file.tell() > most:
                    raise RunError(f"{url} sends more than the {most:,} bytes of the file that was meant")
                show(file.tell(), total)
        if total is not None and _size(partial) < total:
            raise CutError(f"cut off after {_size(partial):,} of {total:,} bytes")
    return continued


def _has_all(refusal: urllib.error.HTTPError, partial: Path) -> bool:
    """True if there is nothing behind the beginning because it is the whole; else it is forgotten."""
    if str(refusal.headers["Content-Range"]).rpartition("/")[2] == str(_size(partial)):
        return True
    forget(partial)
    raise CutError("what was there was longer than the file") from refusal


def _continuing(url: str, partial: Path, *, checked: bool) -> Mapping[str, str]:
    """The headers that ask for the rest; none if all is to be sent."""
    start = _size(partial)
    if not start:
        return {}
    known = json.loads(_note(partial).read_text(encoding="utf-8")) if _note(partial).exists() else {}
    validator: Any = known.get("validator") if known.get("url") == url else None
    if validator is not None and not validator.startswith("W/"):  # a weak one does not vouch for bytes
        return {"Range": f"bytes={start}-", "If-Range": validator}
    return {"Range": f"bytes={start}-"} if checked else {}


def _may_pass(error: BaseException) -> bool:
    """Whether the next go may have more luck."""
    if isinstance(error, OSError) and error.errno in FULL:
        return False
    status = getattr(error, "code", None)
    return status is None or status >= http.client.INTERNAL_SERVER_ERROR


def _size(partial: Path) -> int:
    return partial.stat().st_size if partial.exists() else 0


def _note(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")
