"""Whether a file is the one that was meant."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from esrgan_train.files import replacing

RECORDED = "checksums.json"
_BLOCK = 2**20


def digits_of(file: Path, kind: str = "sha256") -> str:
    """The file's hash of that kind, in hexadecimal digits."""
    hashed = hashlib.new(kind, usedforsecurity=False)
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            hashed.update(block)
    return hashed.hexdigest()


def recorded(folder: Path, name: str) -> str | None:
    """The SHA-256 that an earlier fetch wrote down; None if there was none."""
    return _all(folder).get(name)


def record(folder: Path, name: str, digits: str) -> None:
    """Write down the SHA-256 of a file whose makers publish none: the next fetch is compared with it."""
    with replacing(folder / RECORDED) as partial:
        partial.write_text(json.dumps({**_all(folder), name: digits}, indent=1) + "\n", encoding="utf-8")


def _all(folder: Path) -> dict[str, str]:
    file = folder / RECORDED
    known: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return known
