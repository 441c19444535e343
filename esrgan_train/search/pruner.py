"""Prunes by the values of one stage: those of the other cannot be compared with them."""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from typing import TYPE_CHECKING

from optuna.pruners import BasePruner

from esrgan_train.training.stages import StageName

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

START_STEP = "start_step"  # the trial's attribute: iterations of its pixel stage


class ByStage(BasePruner):
    """Shows another pruner only those values of a trial that come from the stage it is in.

    Optuna's ``MedianPruner`` compares the best value of a trial so far with what others had at the same iteration.
    PSNR falls when the GAN stage begins, so the best is one of the pixel stage from then on, and nothing would be
    pruned.

    Args:
        pruner: the other.
        stages: in which it is asked.
    """

    def __init__(self, pruner: BasePruner, stages: Collection[StageName]) -> None:
        self.pruner = pruner
        self.stages = stages

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to end ``trial``, after its latest value."""
        values, start_step = trial.intermediate_values, trial.user_attrs.get(START_STEP)
        if not values or stage_of(max(values), start_step) not in self.stages:
            return False
        seen = copy(trial)
        seen.intermediate_values = of_stage(values, start_step)
        return self.pruner.prune(study, seen)


def stage_of(step: int, start_step: int | None) -> StageName:
    """The stage of an iteration; number ``start_step`` is the last one of the pixel stage."""
    return "pixel" if start_step is None or step <= start_step else "gan"


def of_stage(values: dict[int, float], start_step: int | None) -> dict[int, float]:
    """Those of the stage of the last one."""
    stage = stage_of(max(values), start_step)
    return {step: value for step, value in values.items() if stage_of(step, start_step) == stage}
