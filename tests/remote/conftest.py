"""An S3 server on this machine, and packed sets in memory and in a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from esrgan_train.images.encode import write_image
from tests.data.small import packed
from tests.remote.server import Bucket, find_s3


@pytest.fixture(scope="session")
def server() -> Iterator[Bucket]:
    """The server, started once."""
    with pytest.MonkeyPatch.context() as patch:
        started = Bucket()
        find_s3(patch, started.environment)
        try:
            started.create()
            yield started
        finally:
            started.stop()


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of caches, empty."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches"


@pytest.fixture
def bucket(server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """The server without faults, holding nothing, and the environment in which it is found."""
    find_s3(monkeypatch, server.environment)
    server.clear()
    return server


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> MemoryFileSystem:
    """fsspec's file system in memory, empty."""
    monkeypatch.setattr(MemoryFileSystem, "store", {})
    monkeypatch.setattr(MemoryFileSystem, "pseudo_dirs", [""])
    return MemoryFileSystem()


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dozen photos of 8 and 16 bits, one smaller than a window."""
    folder = tmp_path_factory.mktemp("remote") / "photos"
    for number in range(12):
        kind: Any = np.uint16 if number % 3 == 1 else np.uint8
        size = (61, 70) if number == 4 else (120 + 9 * number, 200)
        pixels = np.random.default_rng(number).integers(0, np.iinfo(kind).max, (*size, 3), kind, endpoint=True)
        write_image(folder / f"{number:02}.png", pixels)
    return folder


@pytest.fixture(scope="session")
def packed_photos(photos: Path) -> Path:
    """A set of them in a folder."""
    return packed(photos)


def copied(folder: Path, url: str) -> str:
    """The address of a copy of the files of a folder."""
    files = fsspec.core.url_to_fs(url)[0]
    for file in sorted(folder.iterdir()):
        files.pipe_file(f"{url}/{file.name}", file.read_bytes())
    return url
