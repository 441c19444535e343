"""The file of a benchmark's results: written by ``benchmarks``, read by its key by ``benchmarks.plan``."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.row import Row
from esrgan_train.errors import UserError
from esrgan_train.files import replacing

FOLDER = Path("benchmarks/results")
Record = TypeVar("Record")


@dataclass(frozen=True)
class Results:
    """What a file holds.

    Attributes:
        machine: as ``machine.describe_machine``.
        floor: as ``Floor.as_dict``.
        rows: by key.
    """

    machine: Mapping[str, Any]
    floor: Mapping[str, Any]
    rows: Mapping[str, Row]


def file_name(*, date: str, cpu: str, cores: int, quick: bool) -> str:
    """``<date>_<cores>x-<processor>[-quick].json``: no host's name, but what its figures depend on."""
    processor = re.sub(r"[^a-z0-9]+", "-", cpu.lower()).strip("-") or "unknown"
    return f"{date}_{cores}x-{processor}{'-quick' if quick else ''}.json"


def newest(folder: Path) -> Path | None:
    """The newest full file of a folder, if there is one; other records have no date in their names."""
    files = sorted(file for file in folder.glob("[0-9]*.json") if not file.stem.endswith("-quick"))
    return files[-1] if files else None


def write(path: Path, *, machine: Mapping[str, Any], floor: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Write everything as JSON."""
    write_json(path, {"machine": machine, "floor": floor, "rows": [row.as_dict() for row in rows]})


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain values, indented for reading and comparing."""
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def read_record(path: Path, command: str, parse: Callable[[Any], Record]) -> Record | None:
    """What ``parse`` makes of the JSON that a command wrote; None if there is no such file.

    Raises:
        UserError: it is no file of that command.
    """
    if not path.is_file():
        return None
    try:
        return parse(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no file of {command}: {type(error).__name__}: {error}") from error


def read(path: Path) -> Results:
    """Read a file.

    Raises:
        UserError: it cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rows = [Row.from_dict(values) for values in content["rows"]]
        return Results(content["machine"], content["floor"], {row.key: row for row in rows})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"--results={path} is no file of python -m benchmarks: {type(error).__name__}: {error}"
        ) from error
