"""Measurements as JSON files, one line a row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from esrgan_train.errors import UserError
from esrgan_train.files import replacing

Record = Mapping[str, Any]


def write(path: Path, record: Record) -> None:
    """Write a record: each of its parts indented, its ``rows`` one a line."""
    parts = {name: json.dumps(value, indent=1, ensure_ascii=False) for name, value in record.items()}
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in record["rows"])
    parts["rows"] = f"[\n{lines}\n]"
    text = ",\n".join(f"{json.dumps(name)}: {part}" for name, part in parts.items())
    with replacing(path) as partial:
        partial.write_text(f"{{\n{text}\n}}\n", encoding="utf-8")


def read(path: Path) -> Record:
    """Read a record.

    Raises:
        UserError: it cannot be read.
    """
    try:
        content: Record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): python -m benchmarks.proof writes it") from error
    return content
