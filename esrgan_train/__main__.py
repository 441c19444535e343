"""The training command: ``python -m esrgan_train [experiment=NAME] [group=choice ...] [key=value ...]``."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from esrgan_train import libraries  # noqa: F401 — before the others, see there
from esrgan_train.checks.flags import commas_separate, is_sweep, overrides_first, overrides_in
from esrgan_train.checks.overrides import is_of_composing
from esrgan_train.checks.paths import for_hydra, hydra_override
from esrgan_train.checks.sweep import check_folders, check_sweep, jobs_of, last_of_each_key
from esrgan_train.cli import DONE, one_line, report_error, run_command
from esrgan_train.commands import command
from esrgan_train.config import compose_with_hydra, config_dir, detach_from_hydra, explained, register
from esrgan_train.editor.command import is_asked, write_schema
from esrgan_train.errors import StopRequestedError, UserError
from esrgan_train.launch import Launch
from esrgan_train.launchers import launcher_of
from esrgan_train.logs import set_up_console
from esrgan_train.parent import end_with_parent
from esrgan_train.ranks import started_by_rank0
from esrgan_train.remote.url import masked
from esrgan_train.runs.failed_jobs import forget_failed_jobs, note_failed_job, worst_status
from esrgan_train.train import train

log = logging.getLogger(__name__)


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong options or data."""
    if is_asked(sys.argv[1:]):
        sys.exit(run_command(lambda: write_schema(sys.argv[1:])))
    end_with_parent(launched=launcher_of() == "torchrun")
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
    sweep = None
    if is_sweep(sys.argv[1:]):
        sweep = check_jobs(overrides)
        overruled = {*overrides} - {*last_of_each_key(overrides)}
        in_folder = hydra_override("hydra.sweep.dir", sweep)  # once for all: its name may hold the time
        sys.argv[1:] = [in_folder, *(argument for argument in sys.argv[1:] if argument not in overruled)]
        forget_failed_jobs(Path(sweep))
    jobs = Jobs(reported)
    raised: tuple[type[BaseException], ...] = (HydraException, ValueError, *reported)
    try:
        hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="train")(jobs.run)()
    except raised as error:
        if is_of_composing(error):
            raise explained(error, overrides) from error
        if not reported:
            raise
        return max(jobs.worst, report_error(error))  # of the sweeper or launcher: jobs report their own
    sweep = sweep or jobs.sweep
    if sweep is None:
        return jobs.worst
    log.info("compare them  %s", command("esrgan_train.compare", sweep))
    return max(jobs.worst, worst_status(Path(sweep)))


class Jobs:
    """The jobs of a command line, one unless it is a sweep.

    Hydra's launchers may run the jobs of a sweep in other processes, each with a copy of this object: what they
    leave for the command lies in the sweep's folder.

    Attributes:
        worst: exit status so far, of the jobs in this process.
        sweep: the folder of the sweep, if it is one.
    """

    def __init__(self, reported: tuple[type[BaseException], ...]) -> None:
        self.reported = reported
        self.worst = DONE
        self.sweep: str | None = None
        self.process = os.getpid()

    def run(self, cfg: DictConfig) -> float | None:
        """Train once; a mistake is reported here, so that the sweep continues."""
        if os.getpid() != self.process:
            register()
            set_up_console()
        job: Any = HydraConfig.get()
        name = ""
        if job.mode == RunMode.MULTIRUN:
            name, self.sweep = f"job {job.job.num} ({' '.join(job.overrides.task)})", job.sweep.dir
            log.info("%s", name)
        child = started_by_rank0()
        try:
            detach_from_hydra(cfg, job)
            return train(cfg, launch=Launch.of(job))
        except StopRequestedError as stop:
            if child:  # all have agreed: the first process reports it, and its status is the run's
                return None
            status = report_error(stop, job=name)
            if status != DONE:
                sys.exit(status)  # which ends a sweep, too
        except self.reported as error:
            status = report_error(error, job=name)
            self.worst = max(self.worst, status)
            if self.sweep is not None:
                note_failed_job(Path(self.sweep), job.job.num, status, one_line(error))
        return None


def check_jobs(overrides: list[str]) -> str:
    """Compose every job of a sweep once: a mistake is found before the sweep's folder exists; that folder.

    Raises:
        UserError: of the first job that cannot be composed, or needs several processes; for an address that holds
            credentials.
    """
    of_data = (override for override in overrides if override.lstrip("+").startswith("data."))
    if secret := next((override for override in of_data if masked(override) != override), None):
        raise UserError(
            f"{masked(secret)}: Hydra writes the options of a sweep to multirun.yaml, and credentials with them: "
            "give these in the environment"
        )
    folders = []
    for job in jobs_of(overrides):
        cfg, node = compose_with_hydra(job)
        check_sweep(cfg.trainer, node.launcher._target_)
        check_folders(node)
        folders.append(str(node.sweep.dir))
    return folders[0]


if __name__ == "__main__":
    main()
