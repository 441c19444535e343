from __future__ import annotations

import multiprocessing
import os
import time
import tracemalloc
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from esrgan_train.data.loader import PhotoLoader
from esrgan_train.data.stream import RankStridedSampler
from esrgan_train.images.find import PathTable
from tests.data.small import split, training_set

MakePhotos = Callable[..., PathTable]
SMAPS = Path("/proc/self/smaps_rollup")


def bytes_of(pid: int, kind: str) -> int:
    """Memory of a process: ``Rss``, all that it maps, or ``Private_Dirty``, what it has written itself.

    Not shares of shared pages: those grow when the parent writes, and takes its copy away.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{kind}:"))


@pytest.mark.tools
@pytest.mark.skipif(not SMAPS.exists(), reason="needs Linux's account of memory")
def test_a_workers_memory_stays_while_it_makes_20000_samples(
    make_photos: MakePhotos,
) -> None:
    few = make_photos(*[(80, 80)] * 10)
    many = PathTable(few.root, (few.relative(i % 10) for i in range(500_000)))  # names that all exist
    sampler = RankStridedSampler(start=0)
    loader = PhotoLoader(training_set(many, cache_mb=1), batch_size=10, sampler=sampler, num_workers=2)
    others = set(multiprocessing.active_children())  # of tests before, which may end at any time
    batches = iter(loader)
    used: dict[int, dict[str, int]] = {}
    for samples in (1_000, 20_000):
        for _ in islice(batches, (samples - sum(used)) // 10):
            pass
        workers = [w.pid for w in set(multiprocessing.active_children()) - others if w.pid]
        assert len(workers) == 2
        used[samples] = {kind: sum(bytes_of(pid, kind) for pid in workers) for kind in ("Rss", "Private_Dirty")}
    print(used)
    assert used[20_000]["Rss"] <= 1.01 * used[1_000]["Rss"]
    # A collection of garbage writes to some megabytes of what is shared; a sample kept is 20 KB.
    assert used[20_000]["Private_Dirty"] <= used[1_000]["Private_Dirty"] + 2 * 12e6


@pytest.mark.tools
def test_a_million_photos_are_split_in_seconds_and_little_memory(tmp_path: Path) -> None:
    for folder in range(100):
        (tmp_path / f"{folder:02}").mkdir()
        for number in range(10_000):
            os.close(os.open(tmp_path / f"{folder:02}/photo_{number:05}.png", os.O_CREAT | os.O_WRONLY))
    started = time.process_time()
    sources = split(tmp_path)
    seconds = time.process_time() - started
    tracemalloc.start()
    again = split(tmp_path)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"{seconds:.1f} s of processor time, {kept / 1e6:.0f} MB kept, {peak / 1e6:.0f} MB at most")
    assert len(sources.training) + len(sources.validation) == 1_000_000
    assert len(again.validation) == 32
    assert seconds < 10
    assert kept < 40e6  # 18 bytes of name and 8 of place per photo
    assert peak < 300e6
