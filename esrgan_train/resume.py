"""Where a run writes, and from which checkpoint it goes on."""

from __future__ import annotations

import logging
import zipfile
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from esrgan_train.branches import by_time, checkpoints_of, run_of
from esrgan_train.errors import UserError
from esrgan_train.modelfiles.weights import load_checkpoint

log = logging.getLogger(__name__)

RUNS = Path("runs")
WORDS = ("last", "auto")


class Place(NamedTuple):
    """A run's folder, and the checkpoint it goes on from; None starts afresh."""

    run_dir: Path
    checkpoint: Path | None


def choose_place(*, experiment: str, run_dir: str | None, ckpt_path: str | None, slurm_job: str | None) -> Place:
    """Decide where a run writes and what it resumes.

    Args:
        experiment: names the folder of its runs.
        run_dir: the run's folder, if it is given.
        ckpt_path: a file; ``last``: the newest sound checkpoint of ``run_dir`` or of this experiment;
            ``auto``: the same, or a fresh start if there is none; None: a fresh start.
        slurm_job: within a SLURM job, its number, which names the folder of the run.

    Raises:
        UserError: there is no such checkpoint.
    """
    own = run_dir if run_dir is not None else _slurm_dir(experiment, slurm_job)
    if ckpt_path is None:
        return Place(Path(run_dir) if run_dir is not None else new_run_dir(experiment, slurm_job), None)
    if ckpt_path not in WORDS:
        checkpoint = Path(ckpt_path)
        return Place(Path(run_dir or run_of(checkpoint) or new_run_dir(experiment, slurm_job)), checkpoint)
    runs = [Path(own)] if own is not None else runs_of(experiment)
    for run in runs:
        found = newest_sound(run)
        if found is not None:
            return Place(run, found)
    if ckpt_path == "auto":
        return Place(Path(own) if own is not None else new_run_dir(experiment, slurm_job), None)
    where = own if own is not None else RUNS / experiment
    raise UserError(
        f"ckpt_path=last: there is no checkpoint below {where}: give a file, or ckpt_path=auto to start afresh"
    )


def runs_of(experiment: str) -> list[Path]:
    """The folders of an experiment's runs; the one that saved last comes first."""
    saved = {
        folder.parent: max((path.stat().st_mtime_ns for path in checkpoints_of(folder.parent)), default=0)
        for folder in (RUNS / experiment).glob("*/checkpoints")
    }
    return sorted(saved, key=lambda run: saved[run], reverse=True)


def newest_sound(run: Path) -> Path | None:
    """A run's checkpoint that was saved last and can be read whole; later ones that cannot are named."""
    for path in by_time(checkpoints_of(run)):
        try:
            read_step(path)
        except UserError as error:
            log.warning("%s; an earlier checkpoint is looked for", error)
        else:
            return path
    return None


def read_step(path: Path) -> int:
    """The iterations done in a checkpoint, every byte of which is read.

    Raises:
        UserError: the file is missing, cut off, altered, or no checkpoint.
    """
    checkpoint = load_checkpoint(path)
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise UserError(f"{path} is damaged (checksum of {damaged})")
    return int(checkpoint["global_step"])


def has_checkpoint(run: Path) -> bool:
    """Whether there is anything to go on from."""
    return bool(checkpoints_of(run))


def new_run_dir(experiment: str, slurm_job: str | None) -> Path:
    """A folder for a new run, named by the clock or the SLURM job, that does not exist yet."""
    stem = _slurm_dir(experiment, slurm_job) or RUNS / experiment / f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
    return unused(stem)


def folder_in_sweep() -> Path | None:
    """Where a job of a sweep writes, below the sweep's own folder; None in a single run."""
    hydra = HydraConfig.get()
    return unused(Path(hydra.sweep.dir) / str(hydra.job.num)) if hydra.mode == RunMode.MULTIRUN else None


def unused(folder: Path) -> Path:
    """``folder``, or the first of ``folder_2``, ``folder_3`` … that does not exist yet."""
    candidate, number = folder, 2
    while candidate.exists():
        candidate, number = folder.with_name(f"{folder.name}_{number}"), number + 1
    return candidate


def _slurm_dir(experiment: str, slurm_job: str | None) -> Path | None:
    return RUNS / experiment / f"slurm_{slurm_job}" if slurm_job is not None else None
