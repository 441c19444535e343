"""The file of a benchmark's results."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.record import Row
from esrgan_train.files import replacing

FOLDER = Path("benchmarks/results")


def file_name(*, date: str, cpu: str, cores: int, quick: bool) -> str:
    """``<date>_<cores>x-<processor>[-quick].json``: no host's name, but what its figures depend on."""
    processor = re.sub(r"[^a-z0-9]+", "-", cpu.lower()).strip("-") or "unknown"
    return f"{date}_{cores}x-{processor}{'-quick' if quick else ''}.json"


def write_results(
    path: Path, *, machine: Mapping[str, Any], floor: Mapping[str, Any], rows: Sequence[Row]
) -> None:
    """Write everything as JSON, indented for reading and comparing."""
    content = {"machine": machine, "floor": floor, "rows": [row.as_dict() for row in rows]}
    with replacing(path) as partial:
        partial.write_text(
            json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )
