"""Overrides that make a whole run take seconds, and a plain Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning import Trainer

OVERRIDES = (
    *("generator.num_feat=8", "generator.num_conv=2", "discriminator.num_feat=8"),
    *("recipe.gt_size=32", "recipe.batch_size=2", "recipe.val_check_interval=4", "recipe.log_every_n_steps=2"),
    *(
        "loss.perceptual.weight=0",
        "trainer.precision=32",
        "trainer.accelerator=cpu",
        "trainer.num_sanity_val_steps=0",
    ),
    *("data.num_workers=0", "data.val_draws=1", "logger=csv"),
    *("callbacks.previews=null", "callbacks.curves=null", "callbacks.report=null"),
)


def tiny(run_dir: Path, *more: str) -> list[str]:
    """The overrides of a run of seconds in ``run_dir``; ``more`` come later and win."""
    return [*OVERRIDES, f"run_dir={run_dir}", *more]


def quiet_trainer(**more: Any) -> Trainer:
    """A Trainer that is not this project's, and says and writes nothing."""
    quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    return Trainer(**dict.fromkeys(quiet, False), **{"accelerator": "cpu", "devices": 1} | more)
