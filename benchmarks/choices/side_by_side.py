"""Runs jobs in processes of their own, a few at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from benchmarks.choices.job import Job

log = logging.getLogger(__name__)

_LOOK = 1.0  # seconds between two looks at a process
_SAVE = 60.0  # seconds that a process has to save


class Process(Protocol):
    """What is needed of ``esrgan_train.search.trial_process.TrialProcess``."""

    def wait(self, seconds: float) -> int | None: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102
    def kill(self) -> None: ...  # noqa: D102
    def reason(self) -> str: ...  # noqa: D102


def run_side_by_side(
    jobs: Sequence[Job],
    *,
    at_once: int,
    start: Callable[[Job], Process],
    finish: Callable[[Job], None],
) -> dict[str, str]:
    """Run all jobs; why those failed that did, by name.

    A job waits for the one that it needs, and fails with it. Whatever raises here, running processes are asked to
    save, and ended after a minute.

    Args:
        jobs: in the order in which they start.
        at_once: most processes at once.
        start: starts a job.
        finish: called here with each job that is done; until it returns, no other starts.
    """
    waiting, running, failed = list(jobs), dict[Job, Process](), dict[str, str]()
    try:
        while waiting or running:
            for job in _startable(waiting, running, failed)[: at_once - len(running)]:
                waiting.remove(job)
                running[job] = start(job)
            for job, process in list(running.items()):
                if (status := process.wait(_LOOK)) is not None:
                    del running[job]
                    if status == 0:
                        finish(job)
                    else:
                        failed[job.name] = process.reason()
                        log.warning("%s failed: %s", job.name, failed[job.name])
    finally:
        _end(list(running.values()))
    return failed


def _startable(waiting: list[Job], running: dict[Job, Process], failed: dict[str, str]) -> list[Job]:
    """Jobs whose model is there; those that wait for one that failed are moved to the failed ones."""
    for job in [job for job in waiting if job.needs is not None and job.needs.name in failed]:
        waiting.remove(job)
        failed[job.name] = f"it needs {_name(job.needs)}, which failed"
    coming = {job.folder for job in (*waiting, *running)}
    return [job for job in waiting if job.needs not in coming]


def _name(folder: Path | None) -> str:
    return "" if folder is None else folder.name


def _end(processes: Sequence[Process]) -> None:
    for process in processes:
        process.stop()
    for process in processes:
        if process.wait(_SAVE) is None:
            process.kill()
