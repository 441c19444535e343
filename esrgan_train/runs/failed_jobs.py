"""The jobs of a sweep that failed, in its folder: they may run in other processes, or on other hosts."""

from __future__ import annotations

import csv
from pathlib import Path

FAILED_JOBS = "failed.csv"  # in the sweep's folder
_COLUMNS = ("job", "status", "error")


def forget_failed_jobs(sweep: Path) -> None:
    """Those of an earlier sweep in this folder."""
    (sweep / FAILED_JOBS).unlink(missing_ok=True)


def note_failed_job(sweep: Path, job: int, status: int, error: str) -> None:
    """Add a line; ``status`` is the exit status that the error stands for."""
    sweep.mkdir(parents=True, exist_ok=True)
    with (sweep / FAILED_JOBS).open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if file.tell() == 0:
            writer.writerow(_COLUMNS)
        writer.writerow((job, status, error))


def worst_status(sweep: Path) -> int:
    """The largest exit status that was noted; 0 without a failed job."""
    file = sweep / FAILED_JOBS
    if not file.exists():
        return 0
    with file.open(newline="", encoding="utf-8") as lines:
        # Jobs that failed at the same time may each have written the column names.
        statuses = [row["status"] for row in csv.DictReader(lines)]
    return max((int(status) for status in statuses if status.isdigit()), default=0)
