"""The command that searches: ``python -m esrgan_train.search [key=value ...] [--workers N]``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import TYPE_CHECKING

from esrgan_train import libraries  # noqa: F401 — before the others, see there
from esrgan_train.arguments import number
from esrgan_train.bounds import Count
from esrgan_train.checks.flags import overrides_of
from esrgan_train.cli import DONE, FAILED, run_command
from esrgan_train.commands import command, program
from esrgan_train.errors import StopRequestedError, UserError
from esrgan_train.parent import end_with_parent
from esrgan_train.remote.url import masked
from esrgan_train.search.binding import Binding, share_of, take_gpus, visible_gpus, wanted_gpus
from esrgan_train.search.crew import run_crew
from esrgan_train.search.library import optuna
from esrgan_train.search.plan import Plan, plan_of

if TYPE_CHECKING:
    from optuna.study import Study

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Carry on a search, by itself or with workers that it starts; 0 if a trial has a result."""
    words = sys.argv[1:] if arguments is None else arguments
    parser = _parser()
    overrides = overrides_of(parser, words)
    options, _ = parser.parse_known_args(words)
    optuna()
    end_with_parent()
    plan = plan_of(overrides)
    from esrgan_train.search.study import open_study  # needs Optuna

    study = open_study(plan)
    try:
        if options.workers > 1:
            _check_gpus(plan, options.workers)
            status = run_crew(overrides, options.workers)
            return _closing(plan, study, status)
        return _work(plan, study, *options.worker)
    except StopRequestedError as stop:
        again = masked(command("esrgan_train.search", *words))
        hint = "" if options.worker != (0, 1) else f"; go on with: {again}"
        raise StopRequestedError(f"{stop}{hint}", stop.signal_number) from None


def _work(plan: Plan, study: Study, own: int, workers: int) -> int:
    from esrgan_train.search.worker import work

    binding = _bind(plan, own, workers)
    array = os.environ.get("SLURM_ARRAY_TASK_ID")
    name = f"worker {own}" if workers > 1 else f"worker {array}" if array else "worker"
    log.info("%s: %s", name, binding)
    work(plan, study, binding)
    return DONE if workers > 1 else _closing(plan, study, DONE)


def _bind(plan: Plan, own: int, workers: int) -> Binding:
    """Take a GPU, and this worker's share of the cores."""
    cores = share_of(own, workers) if workers > 1 else []
    if cores:
        os.sched_setaffinity(0, cores)
    wanted = wanted_gpus(plan.cfg)
    if not wanted:
        return Binding([], [], cores)
    owner = f"process {os.getpid()}, search {plan.options.name}"
    gpus, locks = take_gpus(visible_gpus(), wanted, per_device=plan.options.per_device, owner=owner)
    return Binding(gpus, locks, cores)


def _check_gpus(plan: Plan, workers: int) -> None:
    wanted = wanted_gpus(plan.cfg)
    most = len(visible_gpus()) * plan.options.per_device if wanted else 0
    if workers * wanted > most:
        raise UserError(
            f"--workers {workers}: {workers * wanted} GPUs are needed, and {most} are here: give --workers "
            f"{max(1, most // wanted)}, or a larger search.per_device to let them share"
        )


def _closing(plan: Plan, study: Study, status: int) -> int:
    """Say what came of the study, and how to look at it."""
    from esrgan_train.search.closing import lines_of

    lines, found = lines_of(plan, study)
    for line in lines:
        log.info("%s", line)
    return max(status, DONE if found else FAILED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("esrgan_train.search"),
        description="Search options: give ranges, such as 'optimizer.lr=tag(log,interval(1e-5,1e-3))' or "
        "generator.num_feat=24,64, or a file of them, such as search=gan. The same command again, also at the "
        "same time or on another host, is a further worker on the same study.",
        epilog=f"{program('esrgan_train')} --help lists the options, docs/sweeps.md those of the search.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("overrides", nargs="*", metavar="key=value", help="options of the training, ranges, and search.* options")
    add("--workers", type=number(Count), default=1, metavar="N", help="workers on this host; default: 1")
    add("--worker", type=_place, default=(0, 1), help=argparse.SUPPRESS)  # what --workers gives each
    return parser


def _place(text: str) -> tuple[int, int]:
    own, _, workers = text.partition("/")
    return int(own), int(workers)


if __name__ == "__main__":
    sys.exit(run_command(main))
