"""``python -m benchmarks.million``: packed sets of many entries, in a folder and in S3; see docs/scaling.md."""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from benchmarks.child import result_of, start_child
from benchmarks.machine import describe_machine
from benchmarks.million.bucket import bucket_of
from benchmarks.million.large_set import forget_pages, write_large_set
from benchmarks.million.measured import Case, Measured, Sizes, write
from benchmarks.million.table import section_of
from benchmarks.million.visit import ACCOUNT_OF_MEMORY, visit
from benchmarks.page import Section
from benchmarks.results import FOLDER
from esrgan_train.arguments import number
from esrgan_train.bounds import Count
from esrgan_train.cli import DONE, run_command
from esrgan_train.errors import UserError
from esrgan_train.remote.cache import BLOCK, DRAWERS

log = logging.getLogger(__name__)

FILE = FOLDER / "million.json"
SECTION = Section(Path("docs/scaling.md"), "python -m benchmarks.million")  # shows what FILE holds
QUICK_FILE = Path("runs/million-quick.json")

ENTRIES, QUICK_ENTRIES = (1_000, 100_000, 1_000_000), (100, 1_000)
FULL = Sizes(side=512, gt_size=256, samples=480, cache_gb=6)
QUICK = Sizes(side=128, gt_size=64, samples=48, cache_gb=BLOCK * DRAWERS / 1e9)
_DEFAULT = " ".join(map(str, ENTRIES))
_SET_GB = 1.2  # a shard and the index

Found = tuple[Case, dict[str, float]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure everything, write the file, and the page where it is that file that it shows; the exit status."""
    options = _parser().parse_args(arguments)
    quick = options.quick
    sizes = QUICK if quick else FULL
    entries = options.entries or (QUICK_ENTRIES if quick else ENTRIES)
    file = options.output or (QUICK_FILE if quick else FILE)
    measured = measure(entries, sizes, rounds=1 if quick else options.rounds)
    file.parent.mkdir(parents=True, exist_ok=True)
    write(file, measured)
    print(section_of(measured))
    if file == FILE:
        SECTION.write(section_of(measured))
    return DONE


def measure(entries: Sequence[int], sizes: Sizes, *, rounds: int) -> Measured:
    """Visit a set of each number of entries, ``rounds`` times in each place and state.

    Raises:
        UserError: the system does not tell what is measured, or the disk is too small.
    """
    if not (hasattr(os, "posix_fadvise") and Path(ACCOUNT_OF_MEMORY.format("self")).is_file()):
        raise UserError(
            "python -m benchmarks.million needs Linux, which forgets pages and tells who shares memory"
        )
    _check_room(sizes)
    machine = describe_machine()
    visits: dict[Case, list[dict[str, float]]] = {}
    for count in entries:
        with TemporaryDirectory(prefix="million-") as folder:
            write_large_set(Path(folder) / "sets" / "large", count, side=sizes.side)
            for _ in range(rounds):
                for case, found in _round(Path(folder), count, sizes):
                    log.info("%s: %s", case, found)
                    visits.setdefault(case, []).append(found)
    return Measured(machine, sizes, visits)


def _round(root: Path, entries: int, sizes: Sizes) -> Iterator[Found]:
    """The folder, then S3: each first with nothing held of it in memory or cache, and at once again."""
    place, cache = root / "sets" / "large", root / "cache"
    forget_pages(place)
    yield Case(entries, "folder", "cold"), _visit(str(place), cache, sizes)
    yield Case(entries, "folder", "warm"), _visit(str(place), cache, sizes)
    shutil.rmtree(cache, ignore_errors=True)
    with bucket_of(place.parent) as environment:
        for state in ("cold", "warm"):
            yield Case(entries, "S3", state), _visit(f"s3://{place.name}", cache, sizes, environment)


def _visit(place: str, cache: Path, sizes: Sizes, environment: dict[str, str] | None = None) -> dict[str, float]:
    child = start_child(visit, place, str(cache), sizes, time.time(), **(environment or {}))
    found: dict[str, float] = result_of(child, f"a visit to {place}")
    return found


def _check_room(sizes: Sizes) -> None:
    place, needed = gettempdir(), _SET_GB + sizes.cache_gb
    if (free := shutil.disk_usage(place).free / 1e9) < needed:
        raise UserError(
            f"sets and cache lie in {place} and take up to {needed:.1f} GB, and {free:.1f} GB are free there: "
            "free some space, or set TMPDIR to a folder on another disk"
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.million",
        description="Open, start from and read packed sets of up to a million entries, in a folder and through a "
        "bucket on loopback, with cold and warm cache. TMPDIR chooses the disk.",
    )
    add = parser.add_argument
    add("--entries", type=number(Count), nargs="+", metavar="N", help=f"of each set (default: {_DEFAULT})")
    add("--rounds", type=number(Count), default=3, metavar="N", help="of each measurement (default: 3)")
    add("--quick", action="store_true", help="small sets, few samples, one round: to see that it works")
    add("-o", "--output", type=Path, metavar="FILE", help=f"of the results (default: {FILE})")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
