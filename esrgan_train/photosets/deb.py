"""What a Debian package installs: the tar archive inside its ar archive.

Format: https://manpages.debian.org/deb.5 and https://manpages.debian.org/ar.5.
"""

from __future__ import annotations

import io
from typing import IO, cast

from esrgan_train.errors import UserError

_MAGIC = b"!<arch>\n"
_HEADER = 60  # bytes: name 16, time 12, owner 6, group 6, mode 8, size 10, end 2
_END = b"`\n"
_FEW = 16  # members that a package may have before its data


class Slice(io.RawIOBase):
    """A part of a file that is open, from where it stands, ``size`` bytes long."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file = file
        self.left = size

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """As ``io.RawIOBase`` says."""
        block = self.file.read(min(len(buffer), self.left))
        buffer[: len(block)] = block
        self.left -= len(block)
        return len(block)


def data_of(file: IO[bytes], name: str) -> tuple[str, IO[bytes]]:
    """The name and content of the ``data.tar.*`` of an open package; the file itself where it is none.

    Raises:
        UserError: the package is damaged, or holds no such member.
    """
    if file.read(len(_MAGIC)) != _MAGIC:
        file.seek(0)
        return name, file
    for _ in range(_FEW):
        header = file.read(_HEADER)
        member, size = header[:16].decode("ascii", "replace").rstrip(" /"), header[48:58].strip()
        if len(header) < _HEADER or header[58:] != _END or not size.isdigit():
            break
        if member.startswith("data.tar"):
            return member, cast(IO[bytes], io.BufferedReader(Slice(file, int(size))))
        file.seek(int(size) + int(size) % 2, io.SEEK_CUR)
    raise UserError("it is no whole Debian package")
