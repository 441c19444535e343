"""The best validation of each stage: values of different stages say different things."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from esrgan_train.errors import UserError
from esrgan_train.identity import changes
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import StageName


class Best(NamedTuple):
    """A stage's best value so far, and after how many iterations it was reached."""

    value: float
    step: int


class BestOfStages:
    """Keeps the best value of each stage. A stage's first finite value is its best until a better one comes.

    Args:
        monitor: name of the value.
        mode: ``max`` or ``min``: which value is the better one.

    Raises:
        UserError: another mode.
    """

    def __init__(self, *, monitor: str, mode: str) -> None:
        if mode not in ("max", "min"):
            raise UserError(f"callbacks.checkpoints.mode={mode} must be max or min")
        self.monitor = monitor
        self.mode = mode
        self.stages: dict[StageName, Best] = {}

    def is_better(self, value: float, other: float) -> bool:
        """Whether ``value`` beats ``other``; one that is not finite beats none."""
        return math.isfinite(value) and (value > other if self.mode == "max" else value < other)

    def note(self, stage: StageName, step: int, value: float) -> bool:
        """Take in the value after iteration ``step``; whether it is the best of its stage. Repeatable."""
        best = self.stages.get(stage)
        if math.isfinite(value) and (best is None or self.is_better(value, best.value)):
            best = self.stages[stage] = Best(value, step)
        return best is not None and best.step == step

    def state(self) -> dict[str, Any]:
        """Plain values, for the checkpoint."""
        stages = {stage: best._asdict() for stage, best in self.stages.items()}
        return {"monitor": self.monitor, "mode": self.mode, "stages": stages}

    def differences(self, state: dict[str, Any]) -> list[str]:
        """The options by which the values in ``state`` are others than these."""
        mine = {"monitor": self.monitor, "mode": self.mode}
        return [f"callbacks.checkpoints.{name}" for name, value in mine.items() if state[name] != value]


def measured_otherwise(checkpoint: dict[str, Any], module: ESRGANModule) -> list[str]:
    """What validation depends on, besides the weights, and is not as it was when ``checkpoint`` was written.

    Values from before then say nothing beside those to come. A checkpoint that does not tell (of an earlier
    version) counts as measured alike.
    """
    changed = changes(checkpoint.get("measured", module.measured), module.measured)
    return [name.removesuffix("._target_") for name in changed]
