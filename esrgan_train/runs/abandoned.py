"""A run folder holds one course of training; what no longer belongs to it is set aside, never deleted.

Going back to an earlier checkpoint, or starting from scratch in the folder of a run, leaves a branch behind. Its
files would be taken for those of the new one, so they move to ``abandoned/<time>/`` in the run folder.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from esrgan_train.loggers.metrics_csv import FILE_NAME, read_rows, write_rows
from esrgan_train.runs.checkpoints import ABANDONED, by_time, checkpoints_of, written_ns
from esrgan_train.runs.place import unused

log = logging.getLogger(__name__)

_BY_ITERATION = (  # files of an iteration, by folder and beginning of the name: step_00000000.*
    ("previews", "step"),
    ("previews", "real"),
    ("previews/crops/*", "sr"),
    ("nonfinite", "step"),
)


def is_resumed_in(run_dir: Path, checkpoint: Path | None) -> bool:
    """Whether a run in ``run_dir`` that resumes ``checkpoint`` continues what that folder holds."""
    return checkpoint is not None and checkpoint.parent.resolve() == (run_dir / "checkpoints").resolve()


def left_behind(run_dir: Path, checkpoint: Path | None) -> list[Path]:
    """The checkpoints in ``run_dir`` that do not lead to ``checkpoint``, the one saved last first.

    Those are what was saved after it; all of them if it lies elsewhere, or is None for a start from scratch.
    """
    found = by_time(checkpoints_of(run_dir))
    if checkpoint is None or not is_resumed_in(run_dir, checkpoint):
        return found
    until = written_ns(checkpoint)
    return [path for path in found if written_ns(path) > until]


def set_aside(run_dir: Path, checkpoints: Collection[Path], after: int) -> None:
    """Move checkpoints, and all that belongs to iterations past ``after``, to a folder of their own.

    A process that is killed in the middle has lost nothing: rows are copied before anything moves, and the
    checkpoint saved last goes first, so that those still in their place are one course of training.

    Args:
        run_dir: the run folder.
        checkpoints: in the order in which they move; without any, nothing is done.
        after: the last iteration that the run keeps; -1 keeps none.
    """
    if not checkpoints:
        return
    place = unused(run_dir / ABANDONED / f"{datetime.now():%Y-%m-%d_%H-%M-%S}")
    rows = [row for row in read_rows(run_dir / FILE_NAME) if int(row["step"]) > after]
    if rows:
        write_rows(place / FILE_NAME, rows)
    later = [
        path
        for name, kind in _BY_ITERATION
        for path in run_dir.glob(f"{name}/{kind}_*.*")
        if _iteration_of(path) > after
    ]
    for path in (*sorted(later), *checkpoints):
        target = place / path.relative_to(run_dir)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    names = ", ".join(sorted(path.name for path in checkpoints))
    log.info("set aside     %s, which this run does not resume; now in %s", names, place)


def _iteration_of(path: Path) -> int:
    number = path.stem.partition("_")[2]
    return int(number) if number.isdigit() else -1
