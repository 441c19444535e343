"""A run folder holds one course of training; what it no longer leads to is set aside, never deleted.

Who goes back to an earlier checkpoint, or starts afresh in a folder that holds a run, leaves a branch behind. Its
files would be taken for those of the new one, so they move to ``abandoned/<time>/`` in the run folder.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from datetime import datetime
from pathlib import Path

from esrgan_train.errors import UserError
from esrgan_train.loggers.metrics_csv import FILE_NAME, read_rows, write_rows
from esrgan_train.modelfiles.weights import load_checkpoint
from esrgan_train.training.checkpoint_io import LAST

log = logging.getLogger(__name__)

ABANDONED = "abandoned"
_BY_ITERATION = ("previews", "nonfinite")  # folders of files named step_00000000.*


def checkpoints_of(run: Path) -> list[Path]:
    """The checkpoints of the run in this folder, by name; none that was set aside."""
    folder = run / "checkpoints"
    return sorted(path for path in folder.glob("*.ckpt") if not path.name.startswith("."))


def run_of(checkpoint: Path) -> Path | None:
    """The run folder that a checkpoint goes on in; None if it lies by itself, or was set aside."""
    run = checkpoint.parent.parent
    return run if checkpoint.parent.name == "checkpoints" and run.parent.name != ABANDONED else None


def goes_on_in(run_dir: Path, checkpoint: Path | None) -> bool:
    """Whether a run that resumes ``checkpoint`` in ``run_dir`` goes on with what that folder holds."""
    return checkpoint is not None and checkpoint.parent.resolve() == (run_dir / "checkpoints").resolve()


def written_ns(path: Path) -> int:
    """When a checkpoint was saved, in nanoseconds, by itself; the file's own time where it does not say.

    A file's time is lost in copying, and a second name of the same file is no later save.
    """
    try:
        said = load_checkpoint(path).get("written_ns")
    except UserError:
        said = None  # damaged: named where it would be resumed from
    return said if isinstance(said, int) else path.stat().st_mtime_ns


def by_time(checkpoints: Iterable[Path]) -> list[Path]:
    """The checkpoint that was saved last comes first; of the names of one save, ``last.ckpt``."""
    return sorted(checkpoints, key=lambda path: (written_ns(path), path.name == LAST, path.name), reverse=True)


def left_behind(run_dir: Path, checkpoint: Path | None) -> list[Path]:
    """The checkpoints in ``run_dir`` that do not lead to ``checkpoint``, the one saved last first.

    Those are what was saved after it; all of them if it lies elsewhere, or is None for a fresh start.
    """
    found = by_time(checkpoints_of(run_dir))
    if checkpoint is None or not goes_on_in(run_dir, checkpoint):
        return found
    until = written_ns(checkpoint)
    return [path for path in found if written_ns(path) > until]


def set_aside(run_dir: Path, checkpoints: Collection[Path], after: int) -> Path | None:
    """Move checkpoints, and all that tells of iterations past ``after``, to a folder of their own; its path.

    A process that is killed in the middle has lost nothing: rows are copied before anything moves, and the
    checkpoint saved last goes first, so that those still in their place are one course of training.

    Args:
        run_dir: the run folder.
        checkpoints: in the order in which they move; without any, nothing is done.
        after: the last iteration that the run keeps; -1 keeps none.
    """
    if not checkpoints:
        return None
    place = _new_place(run_dir)
    rows = [row for row in read_rows(run_dir / FILE_NAME) if int(row["step"]) > after]
    if rows:
        write_rows(place / FILE_NAME, rows)
    told = [
        path for name in _BY_ITERATION for path in (run_dir / name).glob("step_*.*") if _iteration_of(path) > after
    ]
    for path in (*sorted(told), *checkpoints):
        target = place / path.relative_to(run_dir)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    log.info("set aside     %s, which this run does not go on from; now in %s", _names(checkpoints), place)
    return place


def _new_place(run_dir: Path) -> Path:
    stem = run_dir / ABANDONED / f"{datetime.now():%Y-%m-%d_%H-%M-%S}"
    place, number = stem, 2
    while place.exists():
        place, number = stem.with_name(f"{stem.name}_{number}"), number + 1
    return place


def _iteration_of(path: Path) -> int:
    number = path.stem.removeprefix("step_")
    return int(number) if number.isdigit() else -1


def _names(paths: Iterable[Path]) -> str:
    return ", ".join(sorted(path.name for path in paths))
