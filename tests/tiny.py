"""Overrides that make a whole run take seconds."""

from __future__ import annotations

from pathlib import Path

OVERRIDES = (
    *("generator.num_feat=8", "generator.num_conv=2", "discriminator.num_feat=8"),
    *("recipe.gt_size=32", "recipe.batch_size=2", "recipe.val_check_interval=4", "recipe.log_every_n_steps=2"),
    *(
        "loss.perceptual.weight=0",
        "trainer.precision=32",
        "trainer.accelerator=cpu",
        "trainer.num_sanity_val_steps=0",
    ),
    *("data.num_workers=0", "callbacks.previews=null", "callbacks.curves=null", "logger=csv"),
)


def tiny(run_dir: Path, *more: str) -> list[str]:
    """The overrides of a run of seconds in ``run_dir``; ``more`` come later and win."""
    return [*OVERRIDES, f"run_dir={run_dir}", *more]
