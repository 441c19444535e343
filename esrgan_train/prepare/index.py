"""The index of a set: which entries it has, where each lies, and the mark of a whole set."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from esrgan_train.data.packed_layout import MARKER, NAMES, RECORD, RECORDS
from esrgan_train.prepare.manifest import Row
from esrgan_train.prepare.options import Options
from esrgan_train.prepare.shards import Entry, Written
from esrgan_train.prepare.target import Target
from esrgan_train.screening.duplicates import near_duplicates
from esrgan_train.screening.verdict import duplicate


def judged(written: Sequence[Written], options: Options) -> tuple[list[Row], list[list[Entry]]]:
    """The rows of all shards, near-duplicates among them, and the entries of each shard that are kept.

    Of photos that resemble each other the largest stays. One that was left out for itself is not compared.
    """
    rows = [row for shard in written for row in shard.rows]
    compared = [number for number, row in enumerate(rows) if row.status in ("kept", "reported")]
    compared.sort(key=lambda number: -rows[number].width * rows[number].height)
    dropped = "duplicate" in options.drop
    for match in near_duplicates([rows[number].fingerprint for number in compared]):
        number, larger = compared[match.index], rows[compared[match.earlier]]
        row, complaint = rows[number], duplicate(match, larger.name)
        rows[number] = replace(
            row,
            status="left out" if dropped else "reported",
            reason="; ".join(filter(None, (row.reason, complaint.reason))),
            entries=0 if dropped else row.entries,
        )
    kept, first = [], 0
    for shard in written:
        kept.append([entry for entry in shard.entries if rows[first + entry.photo].status != "left out"])
        first += len(shard.rows)
    return rows, kept


def write_index(target: Target, shards: Sequence[Sequence[Entry]]) -> int:
    """Write the records and names of the entries of each shard; how many there are."""
    entries = [(number, entry) for number, shard in enumerate(shards) for entry in shard]
    names = [os.fsencode(entry.name) for _, entry in entries]
    ends = np.cumsum([len(name) for name in names])
    records = np.zeros(len(entries), RECORD)
    for number, ((shard, entry), end) in enumerate(zip(entries, ends, strict=True)):
        size = entry.height, entry.width
        records[number] = (shard, entry.offset, *size, entry.depth, end, entry.file_size)
    for name, array in ((RECORDS, records), (NAMES, np.frombuffer(b"".join(names), np.uint8))):
        with target.writing(name) as partial, partial.open("wb") as file:
            np.save(file, array)
    return len(entries)


def write_mark(target: Target, described: Mapping[str, Any]) -> None:
    """Write what the set is; from now on it is one."""
    target.write_json(MARKER, described, indent=1)
