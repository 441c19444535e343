"""One visit to a set, in a process of its own: opened, the first batch, and some samples from one worker."""

from __future__ import annotations

import multiprocessing
import time
from itertools import islice
from pathlib import Path

from benchmarks.million.measured import Sizes
from benchmarks.samples import every_fourth, stream
from esrgan_train.data.composition import compose
from esrgan_train.data.folders import folder_photos
from esrgan_train.resident import held_memory

BATCH = 12  # as data=folder has
ACCOUNT_OF_MEMORY = "/proc/{}/smaps_rollup"


def visit(place: str, cache: str, sizes: Sizes, began: float) -> dict[str, float]:
    """Load as a training does: with its first look, its fingerprint, and one worker.

    Args:
        place: folder or address of the set.
        cache: folder of the block cache.
        sizes: what is measured on.
        began: ``time.time()`` when this process was started.

    Returns:
        Seconds of imports, to open the set, and from the process's start to the first batch; samples a second from
        then on; bytes that the worker holds for itself at the end, and that the main process holds.
    """
    imported, opening = time.time() - began, time.perf_counter()
    sources = folder_photos(
        train_dir=place,
        val_dir=None,
        val_fraction=0.05,
        max_val_photos=32,
        remote_cache_dir=cache,
        remote_cache_gb=sizes.cache_gb,
    )
    opened = time.perf_counter() - opening
    options = stream(sizes.gt_size, usm=False, batch_size=BATCH, num_workers=1)
    module = compose(sources, options, degradation=every_fourth)
    module.fingerprint()
    module.setup("fit")
    batches = iter(module.train_dataloader())
    next(batches)
    first, since = time.time() - began, time.perf_counter()
    taken = sum(len(batch["lr"]) for batch in islice(batches, sizes.samples // BATCH - 1))
    seconds = time.perf_counter() - since
    (worker,) = multiprocessing.active_children()
    assert worker.pid is not None
    return {
        "import_seconds": imported,
        "open_seconds": opened,
        "first_batch_seconds": first,
        "samples_per_second": taken / seconds,
        "worker_bytes": private_memory(worker.pid),
        "main_bytes": held_memory(),
    }


def private_memory(process: int) -> int:
    """Bytes of a process that it shares with no other, by Linux's account."""
    lines = Path(ACCOUNT_OF_MEMORY.format(process)).read_text(encoding="utf-8").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))
