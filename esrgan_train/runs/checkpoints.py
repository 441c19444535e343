"""The checkpoints in a run folder: which there are, which was saved last, and whether it can be read whole."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterable
from pathlib import Path

from esrgan_train.errors import UserError
from esrgan_train.modelfiles.weights import load_checkpoint
from esrgan_train.training.checkpoint_io import LAST

log = logging.getLogger(__name__)

ABANDONED = "abandoned"  # the folder in a run folder for what was set aside


def checkpoints_of(run: Path) -> list[Path]:
    """The checkpoints in a run folder, by name; none that was set aside."""
    return sorted(path for path in (run / "checkpoints").glob("*.ckpt") if not path.name.startswith("."))


def run_of(checkpoint: Path) -> Path | None:
    """The run folder in which a checkpoint is resumed; None if it lies elsewhere, or was set aside."""
    run = checkpoint.parent.parent
    return run if checkpoint.parent.name == "checkpoints" and run.parent.name != ABANDONED else None


def written_ns(path: Path) -> int:
    """When a checkpoint was saved, in nanoseconds, by itself; the file's own time where it does not say.

    Copying changes a file's time, and a second name of the same file is no later save.
    """
    try:
        written = load_checkpoint(path).get("written_ns")
    except UserError:
        written = None  # damaged: named where it would be resumed from
    return written if isinstance(written, int) else path.stat().st_mtime_ns


def by_time(checkpoints: Iterable[Path]) -> list[Path]:
    """The checkpoint that was saved last comes first; of the names of one save, ``last.ckpt``."""
    return sorted(checkpoints, key=lambda path: (written_ns(path), path.name == LAST, path.name), reverse=True)


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
