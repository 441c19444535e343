"""``python -m benchmarks.gpu``, which ``python -m esrgan_train.gpu_check`` starts: see docs/gpu.md."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import rich
import torch
from rich.console import Console

from benchmarks.gpu import report
from benchmarks.gpu.budget import Budget
from benchmarks.gpu.figure import Figure
from benchmarks.gpu.parts import PARTS
from benchmarks.gpu.processes import CHECKOUT
from benchmarks.gpu.run_part import run_part
from benchmarks.gpu.run_tests import run_tests
from benchmarks.gpu.sizes import CPU_SECONDS, SECONDS
from esrgan_train.cli import DONE, FAILED, run_command
from esrgan_train.errors import UserError

log = logging.getLogger(__name__)

MIN_WIDTH = 150  # columns of the table: narrower ones cannot be read
TESTS, SHARE_OF_TESTS = "tests", 7.0

RunPart = Callable[..., list[Figure]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts, print the table and write the file; the exit status."""
    options = _parser().parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: torch finds no GPU here; give --device cpu --quick to try the kit without")
    if options.quick:  # threads that wait for each other would wait long for a core that something else uses
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    parts = _parts(options)
    shares = {name: SHARE_OF_TESTS if name == TESTS else PARTS[name].share for name in parts}
    budget = Budget(SECONDS if options.device == "cuda" else CPU_SECONDS, shares)
    machine, began = report.machine_with(options.device), time.monotonic()
    path = options.output / report.file_name(machine, quick=options.quick)
    log_file = path.with_suffix(".log").absolute()
    log_file.parent.mkdir(parents=True, exist_ok=True)
    log_file.write_text("", encoding="utf-8")
    figures: list[Figure] = []
    with TemporaryDirectory() as folder:
        for name, run in parts.items():
            seconds = budget.allot(name)
            log.info("%5.0f s  %s, at most %.0f s", time.monotonic() - began, name, seconds)
            figures += run(seconds=seconds, log=log_file, lines=Path(folder) / f"{name}.jsonl")
            machine["seconds"] = round(time.monotonic() - began)
            report.write(path, machine=machine, figures=figures)  # as far as it got
    return _conclude(figures, machine["seconds"], options.device, path, log_file)


def _conclude(figures: Sequence[Figure], seconds: int, device: str, path: Path, log_file: Path) -> int:
    """Print the table and what failed; the exit status."""
    title = f"esrgan_train on {'this GPU' if device == 'cuda' else 'this CPU: goals are for a GPU'}"
    Console(width=max(rich.get_console().width, MIN_WIDTH)).print(report.table_of(figures, device, title=title))
    log.info("%d s; figures in %s, what was said meanwhile in %s", seconds, path, log_file)
    if failed := report.failures(figures, device):
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
        return FAILED
    return DONE


def _parts(options: argparse.Namespace) -> dict[str, RunPart]:
    """The tests, then what is measured, or those of them that ``--only`` names."""
    parts: dict[str, RunPart] = {TESTS: partial(run_tests, options.device, tests=options.tests.absolute())}
    for name in PARTS:
        parts[name] = partial(run_part, name, options.device, quick=options.quick)
    return {name: run for name, run in parts.items() if name in (options.only or parts)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m esrgan_train.gpu_check",
        description="Run every test marked gpu, and measure speed, in at most eight minutes on one GPU.",
    )
    add = parser.add_argument
    add("--device", default="cuda", choices=["cuda", "cpu"], help="what to check (default: cuda)")
    add("--quick", action="store_true", help="small sizes: a minute or two on a CPU")
    names = (TESTS, *PARTS)
    add("--only", nargs="+", default=(), metavar="PART", choices=names, help=f"only these: {' '.join(names)}")
    add("--tests", type=Path, default=CHECKOUT / "tests", metavar="DIR", help="where the tests lie")
    folder = CHECKOUT / report.FOLDER
    add(
        "-o", "--output", type=Path, default=folder, metavar="DIR", help=f"where the file goes (default: {folder})"
    )
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
