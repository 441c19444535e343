"""Prunes by the values of one stage: those of the other cannot be compared with them."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from optuna.pruners import BasePruner

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
    """

    def __init__(self, pruner: BasePruner) -> None:
        self.pruner = pruner

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to end ``trial``, after its latest value."""
        seen = copy(trial)
        seen.intermediate_values = of_stage(trial.intermediate_values, trial.user_attrs.get(START_STEP))
        return self.pruner.prune(study, seen)


def of_stage(values: dict[int, float], start_step: int | None) -> dict[int, float]:
    """Those of the stage of the last one. Iteration ``start_step`` is the last one of the pixel stage."""
    if start_step is None or not values or max(values) <= start_step:
        return dict(values)
    return {step: value for step, value in values.items() if step > start_step}
