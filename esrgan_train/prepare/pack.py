"""Packing: shards side by side, then the index; a command that was ended goes on where it was."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from esrgan_train.data.packed_layout import MARKER, UNFINISHED, VERSION
from esrgan_train.data.sources import Source
from esrgan_train.errors import RunError, UserError
from esrgan_train.prepare import manifest
from esrgan_train.prepare.index import judged, write_index, write_mark
from esrgan_train.prepare.manifest import Row
from esrgan_train.prepare.options import Options
from esrgan_train.prepare.pool import write_shards
from esrgan_train.prepare.progress import counting
from esrgan_train.prepare.shards import Entry, Expected, ShardJob, plan
from esrgan_train.prepare.target import Target, target_at
from esrgan_train.remote.url import Location

log = logging.getLogger(__name__)

MANIFEST, SUMMARY = "manifest.csv", "summary.png"
_INPUT = f"{UNFINISHED}/input.json"  # what the shards are made from


@dataclass(frozen=True)
class Packed:
    """What a set holds."""

    rows: list[Row]
    entries: int
    bytes: int


def pack(source: Source, place: Location | Target, options: Options, *, workers: int) -> Packed:
    """Write a set of all photos of ``source``; the same photos and options give the same bytes.

    Raises:
        UserError: the place holds something else, the disk is too small, or no photo can be read.
        RunError: a worker died, or the disk is full.
        StopRequestedError: of ``signals.raised``; what is complete stays, and the same call goes on.
    """
    given, target = _given(source, options), target_at(place)
    try:
        if target.holds(MARKER):
            _check_same(target.read_json(MARKER), given, target)
            log.info("%s is packed already, from the same photos with the same options", target)
        else:
            _pack(source, target, options, given, workers)
        target.finish()
        described = target.read_json(MARKER)
        with target.reading(MANIFEST) as file:
            rows = manifest.read(file)
        return Packed(rows, described["entries"], sum(described["shards"]))
    except OSError as error:
        file_or_place = error.filename or target
        why = error.strerror or error
        raise RunError(f"{file_or_place}: {why}; the same command goes on where this ended") from error


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


def _check_same(before: Mapping[str, Any], given: Mapping[str, Any], target: Target) -> None:
    """``UserError`` if what lies in the folder was made from something else."""
    then, now = before["options"], given["options"]
    differing = [f"{name}={now[name]} (was {then.get(name)})" for name in now if now[name] != then.get(name)]
    if before["version"] != given["version"]:
        differing.append(f"version {given['version']} (was {before['version']})")
    if before["photos"] != given["photos"]:
        differing.append(f"the names or sizes of the photos, {given['given']:,} (were {before['given']:,})")
    if differing:
        raise UserError(
            f"{target} holds a set that was made otherwise: {', '.join(differing)}; give another folder, or "
            "delete this one"
        )


def _pack(source: Source, target: Target, options: Options, given: Mapping[str, Any], workers: int) -> None:
    begun = target.holds(_INPUT)
    if begun:
        _check_same(target.read_json(_INPUT), given, target)
    elif not target.is_free():
        raise UserError(f"-o {target} exists and is no packed set: give a new folder")
    ranges, lengths = plan(list(_expected(source)), options)
    jobs = [ShardJob(number, photos, source, options, target) for number, photos in enumerate(ranges)]
    open_jobs = [job for job in jobs if not job.done()]
    if len(open_jobs) < len(jobs):
        log.info("%s: %d of %d shards are there already", target, len(jobs) - len(open_jobs), len(jobs))
    target.check_room([lengths[job.number] for job in open_jobs], workers)
    if not begun:
        target.write_json(_INPUT, given)
    target.tidy()
    write_shards(open_jobs, workers=workers, total=len(source))
    _finish(jobs, target, options, given)


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


def _finish(jobs: Sequence[ShardJob], target: Target, options: Options, given: Mapping[str, Any]) -> None:
    """Leave out what is to be left out, and write the index; the mark of a whole set comes last."""
    rows, kept = judged([job.read() for job in jobs], options)
    if not any(kept):
        reason = next((row.reason for row in rows if row.reason), "they are empty")
        raise UserError(f"{target}: nothing is left of {len(rows):,} photos: {reason}")
    settled: list[list[Entry]] = [job.settle(entries) for job, entries in zip(jobs, kept, strict=True)]
    count = write_index(target, settled)
    with target.writing(MANIFEST) as partial:
        manifest.write(partial, rows)
    layout = options.layout
    described = {
        **given,
        "entries": count,
        "scales": list(layout.scales),
        "upscale": layout.upscale,
        "shards": [target.size(job.file) for job in jobs],
    }
    write_mark(target, described)
