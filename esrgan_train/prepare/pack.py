"""Packing: shards side by side, then the index; a run that was ended goes on where it was."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import rich
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from esrgan_train import signals
from esrgan_train.data.packed_layout import MARKER, NAMES, RECORD, RECORDS, UNFINISHED, VERSION
from esrgan_train.data.sources import Source
from esrgan_train.data.workers import start_worker
from esrgan_train.errors import RunError, StopRequestedError, UserError
from esrgan_train.files import replacing
from esrgan_train.images.decode import UnreadableImageError
from esrgan_train.prepare import manifest
from esrgan_train.prepare.manifest import Row
from esrgan_train.prepare.options import Options, Size
from esrgan_train.prepare.shards import Entry, ShardJob, Written, plan
from esrgan_train.screening.duplicates import near_duplicates
from esrgan_train.screening.verdict import duplicate

log = logging.getLogger(__name__)

MANIFEST, SUMMARY = "manifest.csv", "summary.png"
_INPUT = "input.json"  # in the folder of the unfinished: what the shards are made from
_LOOK_EVERY = 0.5  # seconds, for a signal
_ROOM = 1.02  # of the bytes expected; manifest, summary and 16-bit photos come on top


@dataclass(frozen=True)
class Packed:
    """What lies in a folder."""

    rows: list[Row]
    entries: int
    bytes: int


def pack(source: Source, folder: Path, options: Options, *, workers: int) -> Packed:
    """Write a set of all photos of ``source``; the same photos and options give the same bytes.

    Raises:
        UserError: the folder holds something else, the disk is too small, or no photo can be read.
        RunError: a worker died, or the disk is full.
        StopRequestedError: a signal came; what is complete stays, and the same call goes on.
    """
    given = _given(source, options)
    if (folder / MARKER).is_file():
        _check_same(json.loads((folder / MARKER).read_text(encoding="utf-8")), given, folder)
        log.info("%s is packed already, from the same photos with the same options", folder)
        return _finished(folder)
    _begin(folder, given)
    sizes = list(_sizes(source))
    ranges, lengths = plan(sizes, options)
    jobs = [ShardJob(number, photos, source, options, folder) for number, photos in enumerate(ranges)]
    open_jobs = [job for job in jobs if not job.done()]
    if len(open_jobs) < len(jobs):
        log.info("%s: %d of %d shards are there already", folder, len(jobs) - len(open_jobs), len(jobs))
    _check_room(folder, sum(lengths[job.number] for job in open_jobs))
    _write_shards(open_jobs, folder, workers=workers, total=len(source))
    written = [job.read() for job in jobs]
    rows, entries = _without_duplicates(written, options)
    if not entries:
        raise UserError(f"{folder}: nothing is left of {len(rows):,} photos: {_first_reason(rows)}")
    _finish(folder, jobs, rows, entries, given)
    return _finished(folder)


def _given(source: Source, options: Options) -> dict[str, Any]:
    """What the bytes of a set depend on, as plain values."""
    digest = blake2b(digest_size=16)
    for index, name in enumerate(source.raw_names()):
        digest.update(bytes(name) + b"\0" + str(source.file_size(index)).encode() + b"\0")
    return {
        "version": VERSION,
        "options": dict(options.as_dict()),
        "given": len(source),
        "photos": digest.hexdigest(),
    }


def _check_same(before: Mapping[str, Any], given: Mapping[str, Any], folder: Path) -> None:
    """``UserError`` if what lies in the folder was made from something else."""
    then, now = before["options"], given["options"]
    differing = [f"{name}={now[name]} (was {then.get(name)})" for name in now if now[name] != then.get(name)]
    if before["version"] != given["version"]:
        differing.append(f"version {given['version']} (was {before['version']})")
    if before["photos"] != given["photos"]:
        differing.append(f"the names or sizes of the photos, {given['given']:,} (were {before['given']:,})")
    if differing:
        raise UserError(
            f"{folder} holds a set that was made otherwise: {', '.join(differing)}; give another folder, or "
            "delete this one"
        )


def _begin(folder: Path, given: Mapping[str, Any]) -> None:
    note = folder / UNFINISHED / _INPUT
    if note.is_file():
        _check_same(json.loads(note.read_text(encoding="utf-8")), given, folder)
        return
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"-o {folder} exists and is no packed set: give a new folder")
    with replacing(note) as partial:
        partial.write_text(json.dumps(given), encoding="utf-8")


def _sizes(source: Source) -> Iterator[Size]:
    for index in range(len(source)):
        try:
            width, height = source.header(index).size
        except UnreadableImageError:
            width = height = 0
        except UserError:  # a pair whose sides do not fit: named when it is decoded
            width = height = 0
        yield (height, width)


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed * _ROOM > free:
        raise UserError(
            f"-o {folder}: the set takes about {needed * _ROOM / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free: "
            "free some space, give a folder on another disk, or reduce the photos with --max-side"
        )


def _write_shards(jobs: Sequence[ShardJob], folder: Path, *, workers: int, total: int) -> None:
    """Write shards in worker processes, until all are complete or a signal comes."""
    open_photos = sum(len(job.photos) for job in jobs)
    console = rich.get_console()
    columns = (
        TextColumn("packing"),
        BarColumn(24),
        MofNCompleteColumn(),
        TextColumn("photos"),
        TimeRemainingColumn(),
    )
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with signals.given_back(), Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=total, completed=total - open_photos)
        with signals.held_back():
            signals.take_over()
            pool = ProcessPoolExecutor(workers, mp_context=context, initializer=start_worker, initargs=(0,))
            waiting = {pool.submit(job.write): job for job in jobs}
        try:
            while waiting:
                _stop_if_asked(folder)
                for future in wait(waiting, timeout=_LOOK_EVERY, return_when=FIRST_COMPLETED).done:
                    _check(future, folder)
                    progress.advance(task, len(waiting.pop(future).photos))
        finally:
            for process in list((pool._processes or {}).values()) if waiting else []:
                process.kill()
            pool.shutdown(wait=True, cancel_futures=True)


def _stop_if_asked(folder: Path) -> None:
    if number := signals.requested():
        name = signal.Signals(number).name
        raise StopRequestedError(f"stopped by {name}; {folder} is unfinished: the same command goes on", number)


def _check(future: Future[None], folder: Path) -> None:
    try:
        future.result()
    except OSError as error:
        place = error.filename or folder
        raise RunError(f"{place}: {error.strerror or error}; the same command goes on where this ended") from error
    except BrokenProcessPool as error:
        raise RunError(
            "a worker process was killed, most likely because memory ran out: the same command with fewer "
            "--workers goes on"
        ) from error


def _without_duplicates(written: Sequence[Written], options: Options) -> tuple[list[Row], list[tuple[int, Entry]]]:
    """All rows, and the entries that remain, each with its shard; of near-duplicates the larger photo remains."""
    rows = [row for shard in written for row in shard.rows]
    order = sorted(range(len(rows)), key=lambda number: -rows[number].width * rows[number].height)
    for match in near_duplicates([rows[number].fingerprint for number in order]):
        number, larger = order[match.index], rows[order[match.earlier]]
        row, complaint = rows[number], duplicate(match, larger.name)
        reason = "; ".join(filter(None, (row.reason, complaint.reason)))
        if row.status == "left out" or larger.status == "left out":
            continue
        if "duplicate" in options.drop:
            rows[number] = _changed(row, status="left out", reason=reason, entries=0)
        else:
            rows[number] = _changed(row, status="reported", reason=reason)
    entries = []
    first = 0
    for number, shard in enumerate(written):
        entries += [(number, entry) for entry in shard.entries if rows[first + entry.photo].status != "left out"]
        first += len(shard.rows)
    return rows, entries


def _changed(row: Row, **changed: Any) -> Row:
    return Row(**(vars(row) | changed))


def _first_reason(rows: Sequence[Row]) -> str:
    return next((row.reason for row in rows if row.reason), "they are empty")


def _finish(
    folder: Path,
    jobs: Sequence[ShardJob],
    rows: Sequence[Row],
    entries: Sequence[tuple[int, Entry]],
    given: Mapping[str, Any],
) -> None:
    """Write the index and the manifest; the mark of a whole set comes last."""
    names = [os.fsencode(entry.name) for _, entry in entries]
    ends = np.cumsum([len(name) for name in names])
    records = np.zeros(len(entries), RECORD)
    for number, ((shard, entry), end) in enumerate(zip(entries, ends, strict=True)):
        size = entry.height, entry.width
        records[number] = (shard, entry.offset, *size, entry.depth, end, entry.file_size)
    for name, array in ((RECORDS, records), (NAMES, np.frombuffer(b"".join(names), np.uint8))):
        with replacing(folder / name) as partial, partial.open("wb") as file:
            np.save(file, array)
    manifest.write(folder / MANIFEST, rows)
    layout = jobs[0].options.layout
    described = {
        **given,
        "entries": len(entries),
        "scales": list(layout.scales),
        "upscale": layout.upscale,
        "shards": [job.file.stat().st_size for job in jobs],
    }
    with replacing(folder / MARKER, durable=True) as partial:
        partial.write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(folder / UNFINISHED)


def _finished(folder: Path) -> Packed:
    described = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    return Packed(manifest.read(folder / MANIFEST), described["entries"], sum(described["shards"]))
