"""What a trial has logged so far, as far as a search looks at it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from omegaconf import OmegaConf

from esrgan_train.loggers.metrics_csv import FILE_NAME, read_rows
from esrgan_train.moved import read_config


def values_of(run_dir: Path, metric: str) -> dict[int, float]:
    """The readings of a logged value, by iteration; not that before the first one."""
    rows = [(int(row["step"]), row.get(metric)) for row in read_rows(run_dir / FILE_NAME)]
    return {step: float(text) for step, text in rows if text and step > 0}


class Lengths(NamedTuple):
    """The iterations of a run, and of its pixel stage."""

    max_steps: int
    start_step: int | None


def lengths_of(run_dir: Path) -> Lengths:
    """As the run's ``config.yaml`` has them."""
    config = read_config(run_dir / "config.yaml")
    return Lengths(int(config.trainer.max_steps), OmegaConf.select(config, "loss.adversarial.start_step"))
