"""A packed set of many entries that takes little of the disk: its shards are one file under many names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.packing import write_index
from benchmarks.samples import scales
from esrgan_train.data.packed_layout import SHARD_HEADER, Layout, shard_header, shard_name
from esrgan_train.prepare.shards import shard_limit

_CHUNK = 2**24  # bytes written at once


def write_large_set(root: Path, entries: int, *, side: int) -> None:
    """A set of ``entries`` squares of ``side`` pixels at the scales of ``data=folder``.

    It has as many shards as ``prepare`` would make, each as large, but all are links to one file of random bytes;
    so an entry holds the pixels of that at its place in the first shard.
    """
    root.mkdir(parents=True)
    length = Layout.of(scales(), upscale=None).length((side, side), depth=1)
    per_shard = max(1, shard_limit(entries * length) // length)
    shards = write_index(root, entries, side=side, per_shard=min(per_shard, entries), whole=True)
    first = root / shard_name(0)
    with first.open("wb") as file:
        file.write(shard_header(shards[0]))
        for chunk in _random_chunks(shards[0]):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())  # pages that are not written cannot be dropped
    for number in range(1, len(shards)):
        (root / shard_name(number)).hardlink_to(first)
    assert first.stat().st_size == SHARD_HEADER + shards[0]


def forget_pages(root: Path) -> None:
    """Let the system drop what it holds in memory of the files of a set."""
    for file in {path.stat().st_ino: path for path in root.iterdir()}.values():
        with file.open("rb") as content:
            os.fsync(content.fileno())
            os.posix_fadvise(content.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _random_chunks(length: int) -> Iterator[bytes]:
    rng = np.random.default_rng(0)
    for start in range(0, length, _CHUNK):
        yield rng.bytes(min(_CHUNK, length - start))
