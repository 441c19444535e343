"""``python -m benchmarks``: how fast this project is on this machine, and next to the published code."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import rich
from rich.console import Console

from benchmarks import peer, results
from benchmarks.apart import memory_row, processes_row, upscale_rows
from benchmarks.clip import clip_row
from benchmarks.floor import Floor
from benchmarks.iterations import iteration_rows
from benchmarks.loop import overhead_row, waiting_row
from benchmarks.machine import describe_machine, load_average
from benchmarks.packing import packed_rows, prepare_row
from benchmarks.pictures import degradation_rows
from benchmarks.row import Row
from benchmarks.samples import sample_rows
from benchmarks.sizes import FULL, QUICK, Sizes
from benchmarks.startup import startup_row
from benchmarks.steps import step_rows
from benchmarks.table import table_of
from benchmarks.windows import window_rows
from esrgan_train.allocator import keep_freed_memory
from esrgan_train.cli import run_command
from esrgan_train.cores import usable_cores
from esrgan_train.errors import RunError, UserError
from esrgan_train.resident import has_peak_memory

log = logging.getLogger(__name__)

MIN_WIDTH = 150  # columns of the table: narrower ones cannot be read

Group = Callable[[Sizes, Floor], list[Row]]

GROUPS: dict[str, Group] = {
    "iterations": lambda sizes, floor: iteration_rows(sizes, floor, "gan_iteration_fp32", "gan_iteration"),
    "pixel": lambda sizes, floor: iteration_rows(sizes, floor, "pixel_iteration"),
    "degradation": lambda sizes, _: degradation_rows(sizes),
    "steps": lambda sizes, _: step_rows(sizes),
    "sample": lambda sizes, _: sample_rows(sizes),
    "windows": lambda sizes, _: window_rows(sizes),
    "prepare": lambda sizes, _: [prepare_row(sizes)],
    "packed": lambda sizes, _: packed_rows(sizes),
    "waiting": lambda sizes, _: [waiting_row(sizes, "pixel"), waiting_row(sizes, "gan")],
    "overhead": lambda sizes, _: [overhead_row(sizes, "pixel"), overhead_row(sizes, "gan")],
    "startup": lambda sizes, _: [startup_row(sizes)],
    "perceptual": lambda sizes, floor: iteration_rows(sizes, floor, "gan_perceptual_iteration"),
    "upscale": lambda *_: upscale_rows(),
    "clip": lambda sizes, _: [clip_row(sizes)],
    "memory": lambda sizes, _: [memory_row(sizes)],
    "processes": lambda sizes, _: [processes_row(sizes)],
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure everything, print the table and write the file; the exit status.

    Raises:
        UserError: what was asked for cannot be measured here.
        RunError: something was faster than the best possible; the file is written all the same.
    """
    options = _parser().parse_args(arguments)
    sizes = QUICK if options.quick else FULL
    keep_freed_memory()  # as training does; the published code, measured in this process too, gains as well
    check_floors(bench(sizes, quick=options.quick, folder=options.output, only=options.only))
    return 0


def bench(sizes: Sizes, *, quick: bool, folder: Path, only: Sequence[str] = ()) -> list[Row]:
    """Measure the groups named ``only``, or all of them, print them and write them into a file in the folder.

    Raises:
        UserError: one of them cannot be measured here.
    """
    groups = chosen_groups(sizes, only)
    started = time.perf_counter()
    machine = describe_machine()
    log.info("%d cores, %s, %d threads", machine["cores"], machine["cpu"], machine["threads"])
    if (machine["load_average_at_start"] or 0) > 0.5:
        log.warning("the load average is %s: other work spoils the figures", machine["load_average_at_start"])
    if (reason := peer.missing()) is not None:
        log.warning("%s", reason)
    floor = Floor()
    file = results.file_name(date=machine["date"][:10], cpu=machine["cpu"], cores=machine["cores"], quick=quick)
    rows: list[Row] = []
    for name, group in groups.items():
        log.info("%5.0f s  %s", time.perf_counter() - started, name)
        rows += group(sizes, floor)
        machine |= {"load_average_at_end": load_average(), "seconds": round(time.perf_counter() - started)}
        results.write(folder / file, machine=machine, floor=floor.as_dict(), rows=rows)  # as far as it got
    table = table_of(rows, title="esrgan_train, min / median / max; less is better")
    Console(width=max(rich.get_console().width, MIN_WIDTH)).print(table)
    for line in floor.in_words():
        log.info("%s", line)
    loads = [machine[f"load_average_at_{when}"] for when in ("start", "end")]
    log.info("load average %s to %s, %d s; %s", *loads, machine["seconds"], folder / file)
    return rows


def check_floors(rows: Sequence[Row]) -> None:
    """Refuse rows that beat their floor.

    Raises:
        RunError: one does.
    """
    beaten = [
        f"{row.key} took {row.fastest:.3g} {row.unit}, its floor is {row.floor:.3g} ({row.floor_name})"
        for row in rows
        if row.beats_floor
    ]
    if beaten:
        raise RunError(
            f"faster than the best possible: {'; '.join(beaten)}; the floor is measured wrongly, "
            "so no share of it is worth reading"
        )


def chosen_groups(sizes: Sizes, only: Sequence[str] = ()) -> Mapping[str, Group]:
    """The groups named ``only``, or all that can be measured here at these sizes.

    Raises:
        UserError: one of them is not among these.
    """
    possible = {
        **dict.fromkeys(("perceptual", "upscale", "steps"), sizes.thorough),
        "packed": has_peak_memory(),
        "clip": sizes.thorough and has_peak_memory() and find_spec("av") is not None,
        "memory": sizes.thorough and has_peak_memory(),
        "processes": sizes.thorough and usable_cores() > 1,
    }
    groups = {name: group for name, group in GROUPS.items() if possible.get(name, True)}
    for name in only:
        if name not in groups:
            raise UserError(
                f"--only {name} is not measured with --quick or on this system: give {', '.join(groups)}"
            )
    return {name: group for name, group in groups.items() if name in (only or groups)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure speed on this machine, next to the published code if that is installed.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="small sizes and fewer rows: less than a minute")
    names = " ".join(GROUPS)
    add("--only", nargs="+", default=(), metavar="GROUP", choices=[*GROUPS], help=f"measure only these: {names}")
    folder = results.FOLDER
    add(
        "-o", "--output", type=Path, default=folder, metavar="DIR", help=f"where the file goes (default: {folder})"
    )
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
