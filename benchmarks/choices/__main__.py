"""``python -m benchmarks.choices``: what each choice brings at equal iterations, see docs/results.md."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from benchmarks.choices import measured as results
from benchmarks.choices.choice import Comparison, read_comparison
from benchmarks.choices.job import Job, Settings, jobs_of, with_models
from benchmarks.choices.measured import Measured, Record
from benchmarks.choices.scores import score, seconds_per_iteration
from benchmarks.choices.side_by_side import run_side_by_side
from benchmarks.choices.table import section_of
from benchmarks.machine import describe_machine
from benchmarks.page import Section
from benchmarks.results import FOLDER
from esrgan_train import signals
from esrgan_train.arguments import number
from esrgan_train.bounds import Count, Seed
from esrgan_train.cli import DONE, run_command
from esrgan_train.commands import shell_word
from esrgan_train.errors import RunError
from esrgan_train.search.trial_process import CONSOLE, TrialProcess

log = logging.getLogger(__name__)

FILE = FOLDER / "choices.json"
SECTION = Section(Path("docs/results.md"), "python -m benchmarks.choices")  # shows what FILE holds
RUNS = Path("runs")
QUICK_FILE = RUNS / "choices-quick.json"

ITERATIONS = 1500
QUICK = ("data.val_max_size=64", "data.val_draws=1")
QUICK_ROWS, QUICK_ITERATIONS = ("base", "small_crops"), 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and score what is not measured yet; write the file after each run, and the page; the exit status."""
    options = _parser().parse_args(arguments)
    overrides, iterations = tuple(options.overrides), options.iterations or ITERATIONS
    file, rows, seeds = options.output or FILE, options.rows, options.seeds
    if options.quick:
        overrides, iterations = (*QUICK, *overrides), options.iterations or QUICK_ITERATIONS
        file, rows, seeds = options.output or QUICK_FILE, rows or QUICK_ROWS, seeds[:1]
    torch.set_num_threads(options.threads)
    settings = Settings(iterations, options.threads, overrides)
    measure(read_comparison(), settings, file, rows=rows, seeds=seeds, at_once=options.side_by_side)
    return DONE


def measure(
    comparison: Comparison,
    settings: Settings,
    file: Path,
    *,
    rows: Sequence[str],
    seeds: Sequence[int],
    at_once: int,
) -> None:
    """Measure those rows with those seeds, as far as the file does not hold them; without rows all.

    Raises:
        UserError: there is no such row, or the file has other settings.
        RunError: runs failed; the others are measured all the same.
        StopRequestedError: a signal came; what is finished is in the file, and running ones go on next time.
    """
    measured = results.read_or_begin(file, settings)
    folder = RUNS / f"{file.stem}-{settings.iterations}"
    jobs = jobs_of(comparison, comparison.named(rows), seeds, settings, folder)
    missing = [job for job in jobs if not measured.has(job.choice.name, job.seed)]
    log.info("%d of %d runs are in %s", len(jobs) - len(missing), len(jobs), file)

    def finish(job: Job) -> None:
        nonlocal measured
        measured = measured.with_record(_record(job, comparison, settings, at_once))
        results.write(file, measured)
        _show(file, measured, comparison)

    _show(file, measured, comparison)
    start = partial(_start, threads=settings.threads)
    with signals.raised("the same command goes on from here"):
        failed = run_side_by_side(with_models(missing, jobs), at_once=at_once, start=start, finish=finish)
    if failed:
        raise RunError(f"failed: {'; '.join(f'{name}: {reason}' for name, reason in failed.items())}")


def _start(job: Job, threads: int) -> TrialProcess:
    """``python -m esrgan_train`` with that many threads; it saves and stops when this process ends."""
    log.info("%s starts; it says more in %s", job.name, job.folder / CONSOLE)
    return TrialProcess(job.overrides, job.folder, {"OMP_NUM_THREADS": str(threads)})


def _record(job: Job, comparison: Comparison, settings: Settings, at_once: int) -> Record:
    summary = job.summary()
    record = Record(
        choice=job.choice.name,
        seed=job.seed,
        seconds_per_iteration=seconds_per_iteration(job.folder, summary["samples"] / summary["iterations"]),
        side_by_side=at_once,
        precision=summary["precision"],
        figures=score(job.model, (*comparison.common, *settings.options())),
        command=" ".join(["python -m esrgan_train", *map(shell_word, job.overrides)]),
        machine=describe_machine(),
    )
    figures = record.figures["psnr_y"], record.figures["psnr_clean"], record.seconds_per_iteration
    log.info("%s: %.2f dB everyday, %.2f dB clean, %.3f s per iteration", job.name, *figures)
    return record


def _show(file: Path, measured: Measured, comparison: Comparison) -> None:
    """Bring the page up to date, where it is this file that it shows."""
    if file == FILE:
        SECTION.write(section_of(measured, comparison))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.choices",
        description="Train rows that differ from a base in one choice, and score all on the same photographs. "
        "What is measured is not measured again, and what was interrupted goes on.",
    )
    add = parser.add_argument
    add("overrides", nargs="*", metavar="key=value", help="for every row, as in training")
    add("--rows", nargs="+", default=(), metavar="NAME", help="only these, the base, and what they need")
    add("--seeds", type=_seeds, default=(0, 1), metavar="N,N", help="default: 0,1")
    add("--iterations", type=number(Count), metavar="N", help=f"of each run (default: {ITERATIONS})")
    add("--threads", type=int, choices=(1, 2), default=1, help="of each process (default: 1)")
    add("--side-by-side", type=number(Count), default=1, metavar="N", help="runs at a time (default: 1)")
    add("--quick", action="store_true", help=f"{QUICK_ITERATIONS} iterations of two rows, to see that it works")
    add("-o", "--output", type=Path, metavar="FILE", help=f"of the results (default: {FILE})")
    return parser


def _seeds(text: str) -> tuple[int, ...]:
    return tuple(number(Seed)(word) for word in text.split(","))


if __name__ == "__main__":
    sys.exit(run_command(main))
