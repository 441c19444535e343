"""Writing files below an address."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from pathlib import Path

from esrgan_train.errors import UserError
from esrgan_train.remote.store import PATIENCE, Store, UnreachableError
from esrgan_train.remote.url import Url

_READ_ONLY = ("http", "https")


class Writer(Store):
    """Files below ``url``, which may be written too. Each appears whole or not at all, as these places promise.

    All methods may raise ``UnreachableError``.

    Raises:
        UserError: nothing can be written to such an address.
    """

    def __init__(self, url: Url, *, patience: float = PATIENCE) -> None:
        if url.protocol in _READ_ONLY:
            raise UserError(f"{url} cannot be written to: give s3://, gs:// or hf://, or a folder")
        super().__init__(url, patience=patience)

    def holds(self, name: str) -> bool:
        """Whether there is such a file."""
        try:
            self.size(name)
        except UnreachableError as error:
            if error.missing:
                return False
            raise
        return True

    def is_empty(self) -> bool:
        """Whether nothing lies below the address."""

        def found() -> bool:
            self.files.invalidate_cache()
            try:
                return any(self.files.ls(self._path(""), detail=False))
            except FileNotFoundError:
                return False

        return not self._try("", found)

    def put(self, file: Path, name: str) -> None:
        """Send a file of this machine."""
        self._try(name, partial(self.files.put_file, str(file), self._path(name)))

    def get(self, name: str, file: Path) -> None:
        """Fetch a file."""
        self._try(name, partial(self.files.get_file, self._path(name), str(file)))

    def move(self, name: str, to: str) -> None:
        """Give a file another name."""
        self._try(name, partial(self.files.cp_file, self._path(name), self._path(to)))
        self.remove(name)

    def remove(self, name: str) -> None:
        """Take away a file, if there is one."""
        self._without(name, partial(self.files.rm_file, self._path(name)))

    def remove_folder(self, name: str) -> None:
        """Take away all files in a folder, if there are some."""
        self.files.invalidate_cache()  # other processes have written there
        self._without(name, partial(self.files.rm, self._path(name), recursive=True))

    def _without(self, name: str, remove: partial[None]) -> None:
        def attempt() -> None:
            with suppress(FileNotFoundError):
                remove()

        self._try(name, attempt)
