"""The best validation of each stage: values of different stages cannot be compared."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

from lightning import Trainer

from esrgan_train.errors import UserError
from esrgan_train.identity import changes
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import StageName

Mode = Literal["max", "min"]


class Best(NamedTuple):
    """A stage's best value so far, and after how many iterations it was reached."""

    value: float
    step: int


class BestOfStages:
    """The best value of ``monitor`` in each stage; ``mode`` says which value is better."""

    def __init__(self, *, monitor: str, mode: Mode) -> None:
        self.monitor = monitor
        self.mode = mode
        self.stages: dict[StageName, Best] = {}

    def is_better(self, value: float, other: float) -> bool:
        """Whether ``value`` beats ``other``; one that is not finite beats none."""
        return math.isfinite(value) and (value > other if self.mode == "max" else value < other)

    def note(self, stage: StageName, step: int, value: float) -> bool:
        """Add the value of iteration ``step``; return whether it is its stage's best. It may be added again."""
        best = self.stages.get(stage)
        if math.isfinite(value) and (best is None or self.is_better(value, best.value)):
            best = self.stages[stage] = Best(value, step)
        return best is not None and best.step == step

    def state(self) -> dict[str, Any]:
        """For the checkpoint."""
        stages = {stage: best._asdict() for stage, best in self.stages.items()}
        return {"monitor": self.monitor, "mode": self.mode, "stages": stages}

    def differences(self, state: dict[str, Any]) -> list[str]:
        """The options that were others when ``state`` was written."""
        mine = {"monitor": self.monitor, "mode": self.mode}
        return [f"callbacks.checkpoints.{name}" for name, value in mine.items() if state[name] != value]


def monitored(trainer: Trainer, option: str, monitor: str) -> float:
    """The last value of ``monitor``, which ``option`` names; ``UserError`` if it is not logged."""
    if monitor not in trainer.callback_metrics:
        known = ", ".join(name for name in trainer.callback_metrics if name.startswith("val/"))
        raise UserError(f"{option}={monitor} is not logged: give one of {known}")
    return float(trainer.callback_metrics[monitor])


def measured_otherwise(checkpoint: dict[str, Any], module: ESRGANModule) -> list[str]:
    """What has changed since ``checkpoint`` was written so that its validations cannot be compared with new ones.

    A checkpoint of an earlier version, which does not say, counts as unchanged.
    """
    changed = changes(checkpoint.get("measured", module.measured), module.measured)
    return [name.removesuffix("._target_") for name in changed]
