"""Row: a very large folder."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.record import Row
from benchmarks.timing import spread
from esrgan_train.images.find import find_photos

_PER_FOLDER = 1000
_MOST_SECONDS = 5.0
_READ_EVERY = 10
_ROLLUP = Path("/proc/self/smaps_rollup")


def index_row(files: int) -> Row:
    """Finding the photos of a large folder, and what reading the table of them costs each worker."""
    with TemporaryDirectory() as folder:
        make_files(Path(folder), files)
        start = time.perf_counter()
        photos = find_photos(folder, option="data.train_dir")
        seconds = time.perf_counter() - start

    def read() -> None:
        for index in range(0, len(photos), _READ_EVERY):
            photos.relative(index)

    listed = [photos.relative(index) for index in range(len(photos))]

    def read_list() -> None:
        for index in range(0, len(listed), _READ_EVERY):
            str.upper(listed[index])

    notes = [f"a worker that read every {_READ_EVERY}th path owns {_told(growth_in_a_worker(read))} more"]
    notes.append(f"{_told(growth_in_a_worker(read_list))} with a list of strings, as in the published code")
    return Row(
        name=f"finding {len(photos):,} photos in folders of {_PER_FOLDER:,}",
        unit="s",
        ours=spread([seconds]),
        goal=f"≤ {_MOST_SECONDS:g} s for a million",
        reached=seconds <= _MOST_SECONDS,
        note="; ".join(notes),
    )


def make_files(folder: Path, count: int) -> None:
    """Empty files, a thousand to a folder."""
    for number in range(count):
        place = folder / f"{number // _PER_FOLDER:05d}"
        if number % _PER_FOLDER == 0:
            place.mkdir()
        os.close(os.open(place / f"photo_{number:08d}.png", os.O_CREAT | os.O_WRONLY))


def growth_in_a_worker(work: Callable[[], None]) -> int | None:
    """Bytes that a forked process owns alone after ``work`` and did not before; None where nobody can tell."""
    if not _ROLLUP.is_file() or "fork" not in multiprocessing.get_all_start_methods():
        return None
    context = multiprocessing.get_context("fork")  # as the loader's workers start
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=_measure, args=(work, sender))
    worker.start()
    grown: int = receiver.recv()
    worker.join()
    return grown


def _measure(work: Callable[[], None], sender: Any) -> None:
    before = _owned()
    work()
    sender.send(_owned() - before)


def _owned() -> int:
    wanted = ("Private_Clean:", "Private_Dirty:")
    return sum(int(line.split()[1]) * 1024 for line in _ROLLUP.read_text().splitlines() if line.startswith(wanted))


def _told(grown: int | None) -> str:
    return "an unknown amount" if grown is None else f"{grown / 2**20:.1f} MiB"
