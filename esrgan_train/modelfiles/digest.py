"""A model file by its content."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from esrgan_train.errors import UserError

_PIECE = 1 << 20  # bytes


def digest_of(path: str | Path) -> str:
    """Sixteen hexadecimal digits that files of the same bytes share; ``UserError`` if it cannot be read."""
    return sha256_of(path)[:16]


def sha256_of(path: str | Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits; ``UserError`` if it cannot be read."""
    digest = sha256()
    try:
        with Path(path).open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); give the path of a model file") from error
    return digest.hexdigest()
