"""The kit's table and file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch
from rich.markup import escape
from rich.table import Table

from benchmarks.gpu.figure import BAD, Figure
from benchmarks.machine import describe_machine, version_of
from benchmarks.table import number
from esrgan_train.files import replacing

FOLDER = Path("benchmarks/results/gpu")  # benchmarks.table takes the newest file beside it
_MORE_PACKAGES = ("triton", "torchmetrics", "scikit-image", "hydra-core", "imagecodecs")


def machine_with(device: str) -> dict[str, Any]:
    """As of the CPU's benchmark, and the card with its driver; names no host."""
    described = describe_machine()
    described["versions"] |= {name: version_of(name) for name in _MORE_PACKAGES}
    card: dict[str, Any] | None = None
    if device == "cuda":
        properties = torch.cuda.get_device_properties(0)
        card = {
            "name": properties.name,
            "memory_gb": round(properties.total_memory / 2**30, 1),
            "capability": f"{properties.major}.{properties.minor}",
            "cuda": torch.version.cuda,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
            "driver": driver(),
        }
    return {**described, "device": device, "card": card}


def driver() -> str | None:
    """Of the kernel's NVIDIA module, where Linux tells."""
    file = Path("/proc/driver/nvidia/version")
    found = re.search(r"Module\s+(\S+)", file.read_text(encoding="utf-8")) if file.is_file() else None
    return found.group(1) if found else None


def file_name(machine: Mapping[str, Any], *, quick: bool) -> str:
    """``<date>_<card or processor>[-quick].json``."""
    name = machine["card"]["name"] if machine["card"] else machine["cpu"]
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unknown"
    return f"{datetime.now(timezone.utc):%Y-%m-%d}_{plain}{'-quick' if quick else ''}.json"


def table_of(figures: Sequence[Figure], device: str, *, title: str) -> Table:
    """One line a figure; the tests that passed share one."""
    table = Table(title=title)
    table.add_column("what", ratio=4)
    for heading in ("here", "published", "goal"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    table.add_column("notes", ratio=4)
    tests = [figure for figure in figures if figure.verdict(device) == "passed"]
    if tests:
        skipped = [figure for figure in tests if figure.note.startswith("skipped")]
        table.add_row(f"{len(tests) - len(skipped)} tests marked gpu", "", "", "", "passed", "")
        for figure in skipped:
            table.add_row(
                escape(figure.name), "", "", "", "skipped", escape(figure.note.removeprefix("skipped: "))
            )
    for figure in figures:
        if figure not in tests:
            table.add_row(*map(escape, _cells(figure, device)))
    return table


def _cells(figure: Figure, device: str) -> list[str]:
    ours, peer = (
        f"{number(value)} {figure.unit}" if value is not None else "–" for value in (figure.ours, figure.peer)
    )
    goal = "" if figure.goal is None else str(figure.goal)
    return [figure.name, ours, peer, goal, figure.verdict(device), figure.error or figure.note]


def failures(figures: Sequence[Figure], device: str) -> list[str]:
    """The keys of what failed, or missed its goal."""
    return [figure.key for figure in figures if figure.verdict(device) in BAD]


def write(path: Path, *, machine: Mapping[str, Any], figures: Sequence[Figure]) -> None:
    """Write everything as JSON, indented for reading and comparing."""
    device = machine["device"]
    rows = [figure.as_dict() | {"verdict": figure.verdict(device)} for figure in figures]
    text = json.dumps({"machine": machine, "rows": rows}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
