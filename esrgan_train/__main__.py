"""The training command: ``python -m esrgan_train [experiment=NAME] [group=choice ...] [key=value ...]``."""

from __future__ import annotations

import logging
import os
import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig

from esrgan_train.checks.flags import overrides_first, overrides_in
from esrgan_train.checks.overrides import is_of_composing
from esrgan_train.checks.paths import for_hydra
from esrgan_train.checks.search import check_search, end_of_search, last_of_each_key
from esrgan_train.checks.sweep import check_sweep, commas_separate, is_sweep, jobs_of
from esrgan_train.cli import DONE, MISTAKES, complain, run_command
from esrgan_train.commands import command
from esrgan_train.config import compose_config, config_dir, explained, register
from esrgan_train.errors import StopRequestedError
from esrgan_train.launch import started_by_first_process
from esrgan_train.train import train

log = logging.getLogger(__name__)


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong options or data."""
    if os.getcwd() not in sys.path:  # noqa: PTH109 — an entry of sys.path is a string
        sys.path.append(os.getcwd())  # noqa: PTH109 — a _target_ may lie in the current folder
    if os.environ.get("HYDRA_FULL_ERROR") == "1" and not started_by_first_process():
        launch([])
        sys.exit(DONE)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises its errors, instead of printing them its own way
    sys.exit(run_command(lambda: launch([*MISTAKES, Exception])))


def launch(told: list[type[BaseException]]) -> int:
    """Let Hydra compose and run the jobs; the worst exit status of them.

    A job that fails with one of ``told`` is reported, and the next job of a sweep goes on.
    """
    worst, results = DONE, list[float | None]()
    sweep: str | None = None

    def job(cfg: DictConfig) -> float | None:
        """Train once; a mistake is reported here, so that a sweep goes on."""
        nonlocal worst, sweep
        name = job_name()
        if name:
            log.info("%s", name)
            sweep = HydraConfig.get().sweep.dir
        results.append(None)
        child = started_by_first_process()
        try:
            results[-1] = train(cfg)
        except StopRequestedError as stop:
            if child:  # all have agreed: the first process tells it, and its status is the run's
                return None
            status = complain(stop, job=name)
            if status != DONE:
                sys.exit(status)  # which ends a sweep, too
        except tuple(told) as error:
            worst = max(worst, complain(error, job=name))
        return results[-1]

    register()
    commas = commas_separate(sys.argv[1:])
    sys.argv[1:] = [for_hydra(a, sweep=commas) for a in overrides_first(sys.argv[1:])]  # which Hydra reads
    overrides = overrides_in(sys.argv[1:])
    if is_sweep(sys.argv[1:]):
        check_jobs(overrides)
        overruled = {*overrides} - {*last_of_each_key(overrides)}
        sys.argv[1:] = [argument for argument in sys.argv[1:] if argument not in overruled]
    raised: tuple[type[BaseException], ...] = (HydraException, ValueError, *told)
    try:
        hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="train")(job)()
    except raised as error:
        if is_of_composing(error):
            raise explained(error, overrides) from error
        if not told:
            raise
        return max(worst, complain(end_of_search(error, results)))  # of the sweeper: jobs tell their own
    if sweep is not None:
        log.info("compare them  %s", command("esrgan_train.compare", sweep))
    return worst


def check_jobs(overrides: list[str]) -> None:
    """Compose every job of a sweep once: a mistake is found before the sweep's folder exists.

    Raises:
        UserError: of the first job that cannot be composed, or needs several processes.
    """
    for job in jobs_of(overrides):
        cfg = compose_config(job)
        check_sweep(cfg.trainer, HydraConfig.get().launcher._target_)
        check_search(cfg, HydraConfig.get().sweeper, overrides)


def job_name() -> str:
    """The job of a sweep, by its overrides; empty in a single run."""
    this = HydraConfig.get()
    return f"job {this.job.num} ({' '.join(this.overrides.task)})" if this.mode == RunMode.MULTIRUN else ""


if __name__ == "__main__":
    main()
