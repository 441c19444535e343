"""Shards are written side by side, in worker processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from ctypes import c_ulonglong
from multiprocessing.sharedctypes import Synchronized

from esrgan_train import signals
from esrgan_train.data.workers import start_method, start_worker
from esrgan_train.errors import RunError
from esrgan_train.prepare.progress import counting
from esrgan_train.prepare.shards import ShardJob

_LOOK_EVERY = 0.5  # seconds, for photos that are done

_photos_done: Synchronized[int] | None = None  # in a worker: shared by all


def write_shards(jobs: Sequence[ShardJob], *, workers: int, total: int) -> None:
    """Write the shards of ``jobs``, of a set of ``total`` photos.

    Raises:
        OSError: a shard cannot be written. Those that are complete stay.
        RunError: a worker died.
        StopRequestedError: of ``signals.raised``.
    """
    if not jobs:
        return
    context = multiprocessing.get_context(start_method())
    done: Synchronized[int] = context.Value(c_ulonglong, 0)
    before = total - sum(len(job.photos) for job in jobs)
    with signals.held_back():  # the workers unblock them
        pool = ProcessPoolExecutor(
            min(workers, len(jobs)), mp_context=context, initializer=_start, initargs=(done,)
        )
        waiting = {pool.submit(_write, job) for job in jobs}
    try:
        with counting("packing", total, before) as counter:
            while waiting:
                finished, waiting = wait(waiting, timeout=_LOOK_EVERY, return_when=FIRST_COMPLETED)
                counter.show(before + done.value)
                for future in finished:
                    _check(future)
    finally:
        # A worker is killed in the middle of its shard, whose partial file the next command takes away.
        for process in [*(pool._processes or {}).values()] if waiting else []:
            process.kill()
        pool.shutdown(wait=True, cancel_futures=True)


def _start(done: Synchronized[int]) -> None:
    global _photos_done
    _photos_done = done
    start_worker(0)


def _write(job: ShardJob) -> None:
    job.write(_count)


def _count() -> None:
    assert _photos_done is not None
    with _photos_done.get_lock():
        _photos_done.value += 1


def _check(future: Future[None]) -> None:
    try:
        future.result()
    except (BrokenProcessPool, MemoryError) as error:
        raise RunError(
            "a worker process ended, most likely because memory ran out: the same command with fewer --workers "
            "goes on"
        ) from error
