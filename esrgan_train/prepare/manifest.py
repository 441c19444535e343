"""The table of what became of each photo."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from esrgan_train.files import replacing
from esrgan_train.screening.scores import Scores

Status = Literal["kept", "reported", "left out", "unreadable"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What became of one photo, and its scores; see ``Scores``. Sizes are those of the file, upright."""

    name: str
    status: Status
    reason: str = ""
    entries: int = 0  # of the set that were made of it
    width: int = 0
    height: int = 0
    bits: int = 0
    blur: float | None = None
    jpeg_quality: int | None = None
    blockiness: float | None = None
    detail: float | None = None
    fingerprint: str = ""

    @classmethod
    def scored(cls, scores: Scores, **more: Any) -> Row:
        """A row with scores, rounded to what they say."""
        values = asdict(scores)
        for name in ("blur", "blockiness", "detail"):
            values[name] = None if values[name] != values[name] else round(values[name], 4)  # NaN says nothing
        return cls(**values, **more)


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write one line for each row; names that are not UTF-8 keep their bytes."""
    with (
        replacing(path) as partial,
        partial.open("w", newline="", encoding="utf-8", errors="surrogateescape") as file,
    ):
        writer = csv.DictWriter(file, [field.name for field in fields(Row)])
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def read(path: Path) -> list[Row]:
    """The rows of a file."""
    with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return [_row(values) for values in csv.DictReader(file)]


def _row(values: Mapping[str, str]) -> Row:
    given: dict[str, Any] = dict(values)
    for name in ("entries", "width", "height", "bits"):
        given[name] = int(values[name])
    for name in ("blur", "blockiness", "detail"):
        given[name] = float(values[name]) if values[name] else None
    given["jpeg_quality"] = int(values["jpeg_quality"]) if values["jpeg_quality"] else None
    return Row(**given)
