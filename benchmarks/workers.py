"""Row: what a loader's worker holds after many samples."""

from __future__ import annotations

import multiprocessing
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.pictures import large_photo, training_photos
from benchmarks.record import Row
from benchmarks.timing import spread
from esrgan_train.data.loader import PhotoLoader
from esrgan_train.data.stream import RankStridedSampler
from esrgan_train.images.encode import write_image

_MOST_GROWTH = 1.03
_WORKERS, _BATCH = 2, 10
_PHOTOS, _SIDE, _GT_SIZE = 100, 96, 32  # small ones: what leaks, leaks with each sample


def can_measure() -> bool:
    """Whether this system tells what a process holds."""
    return Path("/proc/self/smaps_rollup").is_file()


def workers_row(first: int, last: int) -> Row:
    """The memory of a worker after ``last`` samples beside that after ``first``."""
    with TemporaryDirectory() as folder:
        photo = large_photo((1000, 800))
        for number in range(_PHOTOS):
            top, left = 7 * number, 9 * number
            cut = photo[top : top + _SIDE, left : left + _SIDE]
            write_image(Path(folder) / f"{number:03d}.png", np.ascontiguousarray(cut))
        photos = training_photos(folder, gt_size=_GT_SIZE, scales=(1.0,), cache_mb=1)
        others = set(multiprocessing.active_children())
        sampler = RankStridedSampler(start=0)
        batches = iter(PhotoLoader(photos, batch_size=_BATCH, sampler=sampler, num_workers=_WORKERS))
        held, done = [], 0
        for samples in (first, last):
            for _ in islice(batches, (samples - done) // _BATCH):
                pass
            done = samples
            workers = set(multiprocessing.active_children()) - others
            held.append([proportional_bytes(worker.pid) / 2**20 for worker in workers if worker.pid])
    before, after = spread(held[0]), spread(held[1])
    growth = after.median / before.median
    return Row(
        name=f"memory of a loader's worker after {last:,} samples in all",
        unit="MiB",
        ours=after,
        peer=before,
        peer_name=f"after {first:,}",
        rounds=_WORKERS,
        goal=f"≤ {_MOST_GROWTH}× that after {first:,}",
        reached=growth <= _MOST_GROWTH,
        note=f"{growth:.3f} × that after {first:,}; shared pages count by their share",
    )


def proportional_bytes(pid: int) -> int:
    """Memory of a process, shared pages counted by their share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
