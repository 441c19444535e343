"""Blocks of distant files on this machine: bounded, shared by processes, and never a reason to stop."""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
from pathlib import Path

import numpy as np
import pytest

from esrgan_train.remote.cache import DRAWERS, BlockCache, CachedReader
from tests.small_files import can_mount, files_of_at_most, on_a_small_file_system

BLOCK = 1000


class File:
    """A distant file of random bytes, which counts what is read of it."""

    def __init__(self, size: int = 10_500) -> None:
        self.content = np.random.default_rng(0).bytes(size)
        self.reads: list[tuple[int, int]] = []

    def read(self, name: str, start: int, stop: int) -> bytes:
        self.reads.append((start, stop))
        return self.content[start:stop]


def reader(file: File, folder: Path, *, max_bytes: int = 10**7, identity: str = "one") -> CachedReader:
    cache = BlockCache(folder, max_bytes=max_bytes)
    return CachedReader(file, cache, identity=identity, size_of=lambda _: len(file.content), block=BLOCK)


def held(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_parts_are_those_of_the_file(tmp_path: Path) -> None:
    file = File()
    cached, rng = reader(file, tmp_path), random.Random(0)
    for _ in range(300):
        start = rng.randrange(len(file.content))
        stop = rng.randrange(start, len(file.content) + 1)
        assert cached.read("a", start, stop) == file.content[start:stop]
    assert sum(stop - start for start, stop in file.reads) <= 3 * len(file.content)


def test_what_is_missing_is_one_range_of_whole_blocks_and_comes_once(tmp_path: Path) -> None:
    file = File()
    cached = reader(file, tmp_path)
    assert cached.read("a", 1500, 3200) == file.content[1500:3200]
    assert file.reads == [(1000, 4000)]
    cached.read("a", 1000, 4000)
    assert reader(file, tmp_path).read("a", 3999, 4001) == file.content[3999:4001]  # another run
    assert file.reads == [(1000, 4000), (4000, 5000)]
    cached.read("a", 10_400, 10_500)
    assert file.reads[2:] == [(10_000, 10_500)]  # the last block is shorter


def test_others_of_the_same_name_are_not_mistaken_for_it(tmp_path: Path) -> None:
    file, other = File(), File()
    other.content = bytes(len(file.content))
    reader(file, tmp_path).read("a", 0, 100)
    assert reader(other, tmp_path, identity="other").read("a", 0, 100) == bytes(100)
    assert reader(file, tmp_path).read("b", 0, 100) == file.content[:100]
    assert len(file.reads) == 2


def test_it_stays_below_its_size_and_drops_what_was_not_used_for_longest(tmp_path: Path) -> None:
    cache = BlockCache(tmp_path, max_bytes=DRAWERS * 3 * BLOCK)
    same = [f"{n}" for n in range(2000) if cache._place(f"{n}").parent.name == "00"][:5]
    for number, key in enumerate(same[:3]):
        cache.keep(key, bytes(BLOCK))
        os.utime(cache._place(key), (number, number))
    assert cache.part(same[0], BLOCK, 0, 1) is not None  # used again
    for key in same[3:]:
        cache.keep(key, bytes(BLOCK))
    assert [cache.part(key, BLOCK, 0, 1) is not None for key in same] == [True, False, False, True, True]
    small = BlockCache(tmp_path / "small", max_bytes=DRAWERS * BLOCK)
    for number in range(200):
        small.keep(f"x{number}", bytes(BLOCK))
    assert DRAWERS * BLOCK // 2 < held(small.folder) <= small.max_bytes
    cache.keep("large", bytes(4 * BLOCK))
    assert cache.part("large", 4 * BLOCK, 0, 1) is None


def test_a_block_that_was_cut_short_is_fetched_again(tmp_path: Path) -> None:
    file = File()
    cached = reader(file, tmp_path)
    cached.read("a", 0, 100)
    (block,) = (path for path in tmp_path.rglob("*") if path.is_file())
    os.truncate(block, 10)
    assert cached.read("a", 0, 100) == file.content[:100]
    assert cached.read("a", 0, 100) == file.content[:100]
    assert len(file.reads) == 2


def _read_much(folder: Path, seed: int) -> None:
    file, rng = File(200_000), random.Random(seed)
    cached = reader(file, folder, max_bytes=DRAWERS * BLOCK)
    for _ in range(60):
        start = rng.randrange(195_000)
        assert cached.read("a", start, start + 3000) == file.content[start : start + 3000]
    cached.cache.report()
    assert not cached.cache._trouble.value


def test_processes_share_it_while_they_take_blocks_from_each_other(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_read_much, args=(tmp_path, seed)) for seed in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert held(tmp_path) <= (DRAWERS + 3) * BLOCK
    assert not list(tmp_path.rglob("*partial*"))


def test_a_full_disk_is_said_once_and_what_is_held_serves_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file = File()
    cached, now = reader(file, tmp_path), [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    cached.read("a", 0, 1000)
    with files_of_at_most(500):
        for start in (1000, 2000, 1000):
            assert cached.read("a", start, start + 10) == file.content[start : start + 10]
        assert cached.read("a", 0, 10) == file.content[:10]
    assert file.reads == [(0, 1000), (1000, 2000), (2000, 3000), (1000, 2000)]
    for _ in range(3):
        cached.cache.report()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"the cache of packed sets in {tmp_path} cannot be used (File too large); training continues, and reads "
        "more from elsewhere: free some space, or give data.remote_cache_dir a folder on another disk"
    )
    cached.read("a", 3000, 3010)  # it rests
    now[0] += 100
    cached.read("a", 3000, 3010)
    cached.read("a", 3000, 3010)
    assert file.reads[4:] == [(3000, 4000), (3000, 4000)]


def test_a_folder_that_cannot_be_made_is_no_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    file = File()
    cached = reader(file, tmp_path / "file" / "cache")
    assert cached.read("a", 0, 10) == file.content[:10]
    cached.cache.report()
    assert "cannot be used (Not a directory)" in caplog.text


READS = """
from pathlib import Path
from types import SimpleNamespace
from esrgan_train.remote.cache import BlockCache, CachedReader
content, reads = bytes(range(250)) * 1000, []
read = lambda name, start, stop: reads.append(start) or content[start:stop]
cache = BlockCache(Path("small/cache"), max_bytes=10**8)
reader = CachedReader(SimpleNamespace(read=read), cache, identity="", size_of=lambda _: len(content), block=5000)
for start in range(0, 240_000, 5000):
    assert reader.read("a", start, start + 5000) == content[start : start + 5000]
    cache.report()
print(len(reads))
"""


@pytest.mark.run
@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace")
def test_a_file_system_that_is_full(tmp_path: Path) -> None:
    ended = on_a_small_file_system(tmp_path, "40k", "-c", READS)
    assert (ended.returncode, ended.stdout) == (0, "48\n"), ended.stderr
    assert ended.stderr.count("cannot be used (No space left on device)") == 1
