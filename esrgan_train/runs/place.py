"""Where a run writes, and which checkpoint it resumes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from esrgan_train.errors import UserError
from esrgan_train.file_names import check_file_name
from esrgan_train.remote.url import is_url, masked
from esrgan_train.runs.checkpoints import checkpoints_of, newest_sound, run_of

RUNS = Path("runs")


class Place(NamedTuple):
    """A run's folder, and the checkpoint that it resumes; None starts from scratch."""

    run_dir: Path
    checkpoint: Path | None


def resolve_run_dir(
    *,
    experiment: str,
    run_dir: str | None,
    ckpt_path: str | None,
    slurm_job: str | None = None,
    job_dir: Path | None = None,
) -> Place:
    """Decide where a run writes and what it resumes.

    Args:
        experiment: names the folder of its runs.
        run_dir: the run's folder, if it is given.
        ckpt_path: a file; ``last``: the newest sound checkpoint of ``run_dir`` or of this experiment;
            ``auto``: the same, or a start from scratch if there is none; None: a start from scratch.
        slurm_job: within a SLURM job, its number, which names the folder of the run.
        job_dir: the folder of a job in a sweep.

    Raises:
        UserError: there is no such checkpoint, the folder is an address, or the system takes no such name.
    """
    if run_dir is not None and is_url(run_dir):
        raise UserError(
            f"run_dir={masked(run_dir)} is an address: a run writes to a folder of a local or shared file system; "
            "copy it from there afterwards"
        )
    for option, path in (("run_dir", run_dir), ("experiment", experiment), ("hydra.sweep.dir", job_dir)):
        if path is not None:
            check_file_name(option, path)
    slurm_dir = RUNS / experiment / f"slurm_{slurm_job}" if slurm_job is not None else None
    given = Path(run_dir) if run_dir is not None else None
    fresh = unused(slurm_dir or job_dir or RUNS / experiment / f"{datetime.now():%Y-%m-%d_%H-%M-%S}")
    if ckpt_path is None:
        return Place(given or fresh, None)
    if ckpt_path not in ("last", "auto"):
        return Place(given or run_of(Path(ckpt_path)) or fresh, Path(ckpt_path))
    own = given or slurm_dir
    for run in [own] if own is not None else runs_of(experiment):
        if (found := newest_sound(run)) is not None:
            return Place(run, found)
    if ckpt_path == "auto":
        return Place(own or fresh, None)
    raise UserError(
        f"ckpt_path=last: there is no checkpoint below {own or RUNS / experiment}: give a file, or ckpt_path=auto "
        "to start from scratch"
    )


def runs_of(experiment: str) -> list[Path]:
    """The folders of an experiment's runs; the one that saved last comes first."""
    saved = {
        folder.parent: max((path.stat().st_mtime_ns for path in checkpoints_of(folder.parent)), default=0)
        for folder in (RUNS / experiment).glob("*/checkpoints")
    }
    return sorted(saved, key=lambda run: saved[run], reverse=True)


def unused(folder: Path) -> Path:
    """``folder``, or the first of ``folder_2``, ``folder_3`` … that does not exist yet."""
    candidate, number = folder, 2
    while candidate.exists():
        candidate, number = folder.with_name(f"{folder.name}_{number}"), number + 1
    return candidate
