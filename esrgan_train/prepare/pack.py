"""Packing: shards side by side, then the index; a command that was ended goes on where it was."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from esrgan_train.data.packed_layout import MARKER, UNFINISHED, VERSION
from esrgan_train.data.sources import Source
from esrgan_train.errors import RunError, UserError
from esrgan_train.files import replacing
from esrgan_train.prepare import manifest
from esrgan_train.prepare.index import judged, write_index, write_mark
from esrgan_train.prepare.manifest import Row
from esrgan_train.prepare.options import Options
from esrgan_train.prepare.pool import write_shards
from esrgan_train.prepare.progress import counting
from esrgan_train.prepare.shards import Entry, Expected, ShardJob, plan

log = logging.getLogger(__name__)

MANIFEST, SUMMARY = "manifest.csv", "summary.png"
_INPUT = "input.json"  # in the folder of the unfinished: what the shards are made from
_ROOM = 1.02  # of the bytes expected; manifest and summary come on top


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
        StopRequestedError: of ``signals.raised``; what is complete stays, and the same call goes on.
    """
    given = _given(source, options)
    try:
        if (folder / MARKER).is_file():
            _check_same(json.loads((folder / MARKER).read_text(encoding="utf-8")), given, folder)
            log.info("%s is packed already, from the same photos with the same options", folder)
        else:
            _pack(source, folder, options, given, workers)
        if (folder / UNFINISHED).exists():  # what the shards were made from
            shutil.rmtree(folder / UNFINISHED)
        described = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        return Packed(manifest.read(folder / MANIFEST), described["entries"], sum(described["shards"]))
    except OSError as error:
        place = error.filename or folder
        raise RunError(f"{place}: {error.strerror or error}; the same command goes on where this ended") from error


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


def _pack(source: Source, folder: Path, options: Options, given: Mapping[str, Any], workers: int) -> None:
    note = folder / UNFINISHED / _INPUT
    if note.is_file():
        _check_same(json.loads(note.read_text(encoding="utf-8")), given, folder)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"-o {folder} exists and is no packed set: give a new folder")
    ranges, lengths = plan(list(_expected(source)), options)
    jobs = [ShardJob(number, photos, source, options, folder) for number, photos in enumerate(ranges)]
    open_jobs = [job for job in jobs if not job.done()]
    if len(open_jobs) < len(jobs):
        log.info("%s: %d of %d shards are there already", folder, len(jobs) - len(open_jobs), len(jobs))
    _check_room(folder, sum(lengths[job.number] for job in open_jobs))
    if not note.is_file():
        with replacing(note) as partial:
            partial.write_text(json.dumps(given), encoding="utf-8")
    for partial in [*folder.glob(".*.partial*"), *note.parent.glob(".*.partial*")]:
        partial.unlink()  # of a command that was killed
    write_shards(open_jobs, workers=workers, total=len(source))
    _finish(jobs, folder, options, given)


def _expected(source: Source) -> Iterator[Expected]:
    with counting("looking at", len(source)) as counter:
        for index in range(len(source)):
            try:
                header = source.header(index)
            except UserError:  # it cannot be read, or is a pair whose sides do not fit: named when it is decoded
                yield Expected((0, 0), 1)
            else:
                yield Expected(header.size[::-1], header.bits // 8)
            counter.show(index + 1)


def _check_room(folder: Path, needed: int) -> None:
    place = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(place).free
    if needed * _ROOM > free:
        raise UserError(
            f"-o {folder}: the set takes about {needed * _ROOM / 1e9:,.1f} GB, and {free / 1e9:,.1f} GB are free: "
            "free some space, give a folder on another disk, or reduce the photos with --max-side"
        )


def _finish(jobs: Sequence[ShardJob], folder: Path, options: Options, given: Mapping[str, Any]) -> None:
    """Leave out what is to be left out, and write the index; the mark of a whole set comes last."""
    rows, kept = judged([job.read() for job in jobs], options)
    if not any(kept):
        reason = next((row.reason for row in rows if row.reason), "they are empty")
        raise UserError(f"{folder}: nothing is left of {len(rows):,} photos: {reason}")
    settled: list[list[Entry]] = [job.settle(entries) for job, entries in zip(jobs, kept, strict=True)]
    count = write_index(folder, settled)
    manifest.write(folder / MANIFEST, rows)
    layout = options.layout
    described = {
        **given,
        "entries": count,
        "scales": list(layout.scales),
        "upscale": layout.upscale,
        "shards": [job.file.stat().st_size for job in jobs],
    }
    write_mark(folder, described)
