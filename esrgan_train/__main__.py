"""The training command: ``python -m esrgan_train [experiment=NAME] [group=choice ...] [key=value ...]``."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from esrgan_train import libraries  # noqa: F401 — before the others, see there
from esrgan_train.checks.flags import commas_separate, is_sweep, overrides_first, overrides_in
from esrgan_train.checks.overrides import is_of_composing
from esrgan_train.checks.paths import for_hydra
from esrgan_train.checks.sweep import (
    check_folders,
    check_search,
    check_sweep,
    end_of_search,
    jobs_of,
    last_of_each_key,
)
from esrgan_train.cli import DONE, report_error, run_command
from esrgan_train.commands import command
from esrgan_train.config import compose_with_hydra, config_dir, detach_from_hydra, explained, register
from esrgan_train.editor.command import is_asked, write_schema
from esrgan_train.errors import StopRequestedError
from esrgan_train.launch import Launch
from esrgan_train.ranks import started_by_rank0
from esrgan_train.train import train

log = logging.getLogger(__name__)


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong options or data."""
    if is_asked(sys.argv[1:]):
        sys.exit(run_command(lambda: write_schema(sys.argv[1:])))
    if os.environ.get("HYDRA_FULL_ERROR") == "1" and not started_by_rank0():
        run(())
        sys.exit(DONE)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises its errors, instead of printing them its own way
    sys.exit(run_command(lambda: run((Exception,))))


def run(reported: tuple[type[BaseException], ...]) -> int:
    """Let Hydra compose and run the jobs; the worst exit status of them.

    A job that fails with one of ``reported`` is reported, and the next job of a sweep runs.
    """
    register()
    commas = commas_separate(sys.argv[1:])
    sys.argv[1:] = [for_hydra(a, sweep=commas) for a in overrides_first(sys.argv[1:])]  # which Hydra reads
    overrides = overrides_in(sys.argv[1:])
    if is_sweep(sys.argv[1:]):
        check_jobs(overrides)
        overruled = {*overrides} - {*last_of_each_key(overrides)}
        sys.argv[1:] = [argument for argument in sys.argv[1:] if argument not in overruled]
    jobs = Jobs(reported)
    raised: tuple[type[BaseException], ...] = (HydraException, ValueError, *reported)
    try:
        hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="train")(jobs.run)()
    except raised as error:
        if is_of_composing(error):
            raise explained(error, overrides) from error
        if not reported:
            raise
        status = report_error(end_of_search(error, jobs.results))  # of the sweeper: jobs report their own
        return max(jobs.worst, status)
    if jobs.sweep is not None:
        log.info("compare them  %s", command("esrgan_train.compare", jobs.sweep))
    return jobs.worst


class Jobs:
    """The jobs of a command line, one unless it is a sweep.

    Attributes:
        worst: exit status so far.
        results: of the jobs so far; None for one that failed.
        sweep: the folder of the sweep, if it is one.
    """

    def __init__(self, reported: tuple[type[BaseException], ...]) -> None:
        self.reported = reported
        self.worst = DONE
        self.results: list[float | None] = []
        self.sweep: str | None = None

    def run(self, cfg: DictConfig) -> float | None:
        """Train once; a mistake is reported here, so that the sweep continues."""
        job: Any = HydraConfig.get()
        name = ""
        if job.mode == RunMode.MULTIRUN:
            name, self.sweep = f"job {job.job.num} ({' '.join(job.overrides.task)})", job.sweep.dir
            log.info("%s", name)
        self.results.append(None)
        child = started_by_rank0()
        try:
            detach_from_hydra(cfg, job)
            self.results[-1] = train(cfg, launch=Launch.of(job))
        except StopRequestedError as stop:
            if child:  # all have agreed: the first process reports it, and its status is the run's
                return None
            status = report_error(stop, job=name)
            if status != DONE:
                sys.exit(status)  # which ends a sweep, too
        except self.reported as error:
            self.worst = max(self.worst, report_error(error, job=name))
        return self.results[-1]


def check_jobs(overrides: list[str]) -> None:
    """Compose every job of a sweep once: a mistake is found before the sweep's folder exists.

    Raises:
        UserError: of the first job that cannot be composed, or needs several processes.
    """
    for job in jobs_of(overrides):
        cfg, node = compose_with_hydra(job)
        check_sweep(cfg.trainer, node.launcher._target_)
        check_folders(node)
        check_search(cfg, node.sweeper, overrides)


if __name__ == "__main__":
    main()
