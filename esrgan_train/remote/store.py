"""Files below an address, read whole or in ranges, again and again until they come."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import fsspec
from fsspec.asyn import AsyncFileSystem, sync

from esrgan_train.errors import UserError
from esrgan_train.remote.retries import failures, persistently
from esrgan_train.remote.url import Url, masked

Result = TypeVar("Result")

PATIENCE = 300.0  # seconds for which a file that cannot be read is tried
TIMEOUT = 60.0  # seconds after which an answer is given up, and asked for again
_CHUNK = 2**23  # bytes asked for at once where a file is read whole
_NOT_FOUND = 404  # HTTP
_AT_ONCE = 32  # requests for the sizes of files


class UnreachableError(OSError):
    """A file that cannot be read; ``missing`` if it is known not to exist. ``filename`` has no credentials."""

    def __init__(self, filename: str, reason: str, missing: bool = False) -> None:
        super().__init__()
        self.filename, self.strerror, self.missing = filename, reason, missing

    def __reduce__(self) -> tuple[Any, ...]:  # it travels from worker processes
        return type(self), (self.filename, self.strerror, self.missing)

    @classmethod
    def of(cls, url: Url, error: BaseException) -> UnreachableError:
        """For what reading or writing ``url`` has raised."""
        if isinstance(error, FileNotFoundError) or getattr(error, "status", None) == _NOT_FOUND:
            return cls(str(url), "no such file", missing=True)
        text = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return cls(str(url), masked(" ".join(text.split())))

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


class Store:
    """Files below ``url``. Each process opens a connection of its own: threads and sockets survive no fork.

    Args:
        url: of the folder.
        patience: seconds for which a read that fails is repeated. A file that did not come for so long is tried
            once more each time it is asked for, until it comes.
        timeout: seconds for which one answer is waited for.
    """

    def __init__(self, url: Url, *, patience: float = PATIENCE, timeout: float = TIMEOUT) -> None:
        self.url = url
        self.patience = patience
        self.timeout = timeout
        self._given_up: set[str] = set()
        self._connections: dict[int, Any] = {}  # by process: one that a fork has copied is kept, for closing fails

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_connections": {}}

    def read(self, name: str, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to ``stop`` of a file, in one request.

        Raises:
            UnreachableError: they did not come.
        """
        return self._try(name, partial(self._range, self._path(name), start, stop))

    def read_whole(self, name: str) -> bytes:
        """All bytes of a file; raises as ``read``."""
        size = self.size(name)
        return b"".join(self.read(name, at, min(at + _CHUNK, size)) for at in range(0, size, _CHUNK))

    def size(self, name: str) -> int:
        """Bytes of a file; raises as ``read``."""
        found = self._try(name, partial(self._size, self._path(name)))
        if found is None:
            raise UnreachableError(str(self.url / name), "the server does not say how large its files are")
        return int(found)

    def sizes(self, names: Sequence[str]) -> list[int]:
        """Bytes of each file, asked for side by side; raises as ``read``."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(self.size, names))

    @property
    def files(self) -> Any:
        """The file system, opened in this process."""
        process = os.getpid()
        if process not in self._connections:
            self._connections[process] = _connect(self.url)
        return self._connections[process]

    def _path(self, name: str) -> str:
        path: str = self.files._strip_protocol((self.url / name).secret)
        return path

    def _size(self, path: str) -> int | None:
        try:
            size: int | None = self.files.size(path)
        except FileNotFoundError as error:
            if isinstance(error.__cause__, failures()):  # a web server's files are "not found" whatever it answers
                raise error.__cause__ from None
            raise
        return size

    def _range(self, path: str, start: int, stop: int) -> bytes:
        if isinstance(self.files, AsyncFileSystem):
            cat = self.files._cat_file
            found: bytes = sync(self.files.loop, cat, path, start=start, end=stop, timeout=self.timeout)
        else:
            found = self.files.cat_file(path, start=start, end=stop)
        if len(found) > stop - start:
            raise NotImplementedError("the server sends whole files where parts are asked for")
        if len(found) < stop - start:
            raise EOFError(f"{len(found):,} bytes came where {stop - start:,} were asked for")
        return found

    def _try(self, name: str, attempt: Callable[[], Result]) -> Result:
        try:
            result = persistently(attempt, patience=0 if name in self._given_up else self.patience)
        except failures() as error:
            self._given_up.add(name)
            raise UnreachableError.of(self.url / name, error) from None
        self._given_up.discard(name)
        return result


def _connect(url: Url) -> Any:
    """The file system of a URL. It leaves trying again to ``persistently``.

    Raises:
        UserError: nothing installed knows the protocol.
    """
    if url.is_masked:
        raise UserError(f"{url} stands without its credentials, as in all that a run writes: give it with them")
    try:
        files = fsspec.core.url_to_fs(url.secret)[0]
    except ImportError as error:
        raise UserError(
            f"{url} needs a package that is not installed ({error}): pip install 'esrgan-train[remote]'"
        ) from error
    except (ValueError, TypeError) as error:  # it is unknown, or needs more than an address
        raise UserError(f"{url}: {masked(str(error))}; give s3://, gs://, hf:// or https://") from error
    if hasattr(files, "retries"):  # of S3 and Google's store
        files.retries = 1
    return files
