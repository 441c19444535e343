"""``python -m benchmarks``: how fast this project is on this machine, and beside the published code."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import rich
from rich.console import Console

from benchmarks import peer
from benchmarks.apart import memory_row, processes_row, startup_row, upscale_rows
from benchmarks.child import has_peak_memory
from benchmarks.floor import Floor
from benchmarks.index import index_row
from benchmarks.iterations import gan_rows, perceptual_row, pixel_row
from benchmarks.loop import overhead_row, waiting_row
from benchmarks.machine import describe_machine, load_average, usable_cores
from benchmarks.pictures import degradation_rows, sample_row
from benchmarks.record import Row
from benchmarks.results import FOLDER, file_name, write_results
from benchmarks.sizes import FULL, QUICK, Sizes
from benchmarks.table import table_of
from benchmarks.workers import can_measure, workers_row
from esrgan_train.allocator import keep_freed_memory
from esrgan_train.cli import run_command
from esrgan_train.devices import multiplies_bf16
from esrgan_train.errors import UserError

log = logging.getLogger(__name__)

MIN_WIDTH = 150  # columns of the table: narrower ones cannot be read
GROUPS = (
    *("iterations", "pixel", "degradation", "sample", "waiting", "overhead", "startup"),
    *("perceptual", "memory", "processes", "index", "workers", "upscale"),
)

Group = Callable[[], list[Row]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure everything, print the table and write the file; the exit status."""
    options = _parser().parse_args(arguments)
    sizes = QUICK if options.quick else FULL
    keep_freed_memory()  # as training does; the published code, measured in this process too, gains as well
    bench(sizes, quick=options.quick, folder=options.output, only=options.only)
    return 0


def bench(sizes: Sizes, *, quick: bool, folder: Path, only: Sequence[str] = ()) -> Path:
    """Measure the groups named ``only``, or all of them; the file that was written."""
    started = time.perf_counter()
    machine = describe_machine()
    log.info("%d cores, %s, %d threads", machine["cores"], machine["cpu"], machine["threads"])
    load = machine["load_average_at_start"]
    if load is not None and load > 0.5:
        log.warning(
            "the load average is %.2f before anything starts: what else runs here spoils the figures", load
        )
    if not peer.is_installed():
        log.warning("%s", peer.MISSING)
    floor = Floor(sizes, bf16=multiplies_bf16("cpu"))
    groups = groups_of(sizes, floor)
    for name in only:
        if name not in groups:
            raise UserError(
                f"--only {name} is not measured with --quick or on this system: give {', '.join(groups)}"
            )
    path = folder / file_name(date=machine["date"][:10], cpu=machine["cpu"], cores=machine["cores"], quick=quick)
    rows: list[Row] = []
    for name, group in groups.items():
        if only and name not in only:
            continue
        log.info("%5.0f s  %s", time.perf_counter() - started, name)
        rows += group()
        machine |= {"load_average_at_end": load_average(), "seconds": round(time.perf_counter() - started)}
        write_results(path, machine=machine, floor=floor.as_dict(), rows=rows)  # what is measured stays measured
    console = rich.get_console()
    table = table_of(rows, title="esrgan_train, min / median / max; less is better")
    Console(width=max(console.width, MIN_WIDTH)).print(table)
    for line in describe_floor(floor.as_dict()):
        log.info("%s", line)
    log.info("load average %s to %s, %d s; %s", load, machine["load_average_at_end"], machine["seconds"], path)
    return path


def groups_of(sizes: Sizes, floor: Floor) -> dict[str, Group]:
    """What measures each group of rows."""
    groups: dict[str, Group] = {
        "iterations": lambda: gan_rows(sizes, floor),
        "pixel": lambda: [pixel_row(sizes, floor)],
        "degradation": lambda: degradation_rows(sizes),
        "sample": lambda: [sample_row(sizes)],
        "waiting": lambda: [waiting_row(sizes, "pixel"), waiting_row(sizes, "gan")],
        "overhead": lambda: [overhead_row(sizes, "pixel"), overhead_row(sizes, "gan")],
        "startup": lambda: [startup_row(sizes)],
    }
    if sizes.perceptual:
        groups["perceptual"] = lambda: [perceptual_row(sizes, floor)]
    if sizes.processes:
        groups["upscale"] = lambda: upscale_rows(sizes)
        if has_peak_memory():
            groups["memory"] = lambda: [memory_row(sizes)]
        if usable_cores() > 1:
            groups["processes"] = lambda: [processes_row(sizes)]
    if sizes.index_files:
        groups["index"] = lambda: [index_row(sizes.index_files)]
    if sizes.worker_samples and can_measure():
        groups["workers"] = lambda: [workers_row(*sizes.worker_samples)]
    return groups


def describe_floor(floor: dict[str, Any]) -> list[str]:
    """The machine's rates, in words."""
    lines = [
        f"convolutions, {precision}, channels_last, forward and backward, GFLOP/s: "
        + ", ".join(f"{name} {rate:.0f}" for name, rate in rates.items())
        for precision, rates in floor["conv_gflops"].items()
    ]
    return [*lines, f"memory, read and written: {floor['memory_gb_per_second']:.1f} GB/s"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure speed on this machine, beside the published code if that is installed.",
    )
    parser.add_argument("--quick", action="store_true", help="small sizes and fewer rows: less than a minute")
    parser.add_argument(
        "--only",
        nargs="+",
        default=(),
        metavar="GROUP",
        choices=GROUPS,
        help=f"measure these alone: {' '.join(GROUPS)}",
    )
    parser.add_argument(
        "-o", "--output", type=Path, default=FOLDER, metavar="DIR", help=f"where the file goes (default: {FOLDER})"
    )
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
