"""Whether the disk holds what the run will write."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lightning import Trainer

from esrgan_train.doctor.finding import Finding
from esrgan_train.space import free_space, needed, shown_bytes, too_little
from esrgan_train.training.module import ESRGANModule


def disk_check(trainer: Trainer, module: ESRGANModule, run_dir: Path, *, done: int) -> Iterator[Finding]:
    """Compare what the run will add to its folder with what is free there."""
    need = needed(trainer, module, run_dir, done=done)
    folder, free = free_space(run_dir)
    if (problem := too_little(need, run_dir)) is not None:
        yield Finding("disk", "problem", *problem)
        return
    yield Finding("disk", "ok", f"{need} at most; {shown_bytes(free)} free in {folder}")
