"""Keeps in every checkpoint what ``recipe.hours`` came to, so that a resumed run keeps its lengths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning import Callback, Trainer

from esrgan_train.bounds import Positive, bounded
from esrgan_train.training.module import ESRGANModule

KEY = "hours"  # in a checkpoint


class KeptHours(Callback):
    """Adds ``hours`` and ``recipe`` to the checkpoint.

    Args:
        hours: that the run was asked to take.
        recipe: the values of the recipe that this came to.
    """

    @bounded
    def __init__(self, *, hours: Positive, recipe: Mapping[str, int]) -> None:
        self.kept = {"hours": float(hours), "recipe": {str(name): int(value) for name, value in recipe.items()}}

    def on_save_checkpoint(self, trainer: Trainer, pl_module: ESRGANModule, checkpoint: dict[str, Any]) -> None:
        checkpoint[KEY] = self.kept
