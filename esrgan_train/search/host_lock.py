"""A lock between all processes of a host, which the system gives back when its holder ends, however that is."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

FOLDER = Path("/tmp") if os.name == "posix" else Path(tempfile.gettempdir())  # the same for every user of the host
_AT = 1 << 20  # the locked byte in Windows, where a locked one cannot be read: beyond the owner's words


class HostLock:
    """A lock by name.

    Args:
        name: a word.
        owner: a line about the holder, for others.
        folder: of the lock files.
    """

    def __init__(self, name: str, owner: str, folder: Path = FOLDER) -> None:
        self.path = folder / f"esrgan_train-{name}.lock"
        self.owner = owner
        self.descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False if another process has it."""
        descriptor = self._open()
        try:
            _lock(descriptor)
        except OSError:
            os.close(descriptor)
            return False
        self.descriptor = descriptor
        if os.access(self.path, os.W_OK):
            self.path.write_text(self.owner, encoding="utf-8")
        return True

    def holder(self) -> str:
        """What the process that took it last said of itself."""
        return self.path.read_text(encoding="utf-8") or "another process"

    def release(self) -> None:
        """Give it back. The file stays: removing it would let two processes lock two files of one name."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    def _open(self) -> int:
        """The file as another user may have made it, in a folder where nobody may write to another's files."""
        flags = os.O_RDWR if os.access(self.path, os.W_OK) else os.O_RDONLY
        try:
            return os.open(self.path, flags)
        except FileNotFoundError:
            return os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)


if sys.platform == "win32":

    def _lock(descriptor: int) -> None:
        import msvcrt  # not everywhere

        os.lseek(descriptor, _AT, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:

    def _lock(descriptor: int) -> None:
        import fcntl  # not everywhere

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
