"""The best validation of each stage: values of different stages cannot be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lightning import Trainer

from esrgan_train.callbacks.criterion import LAST, OPTION, Criterion
from esrgan_train.commands import shell_word
from esrgan_train.errors import UserError
from esrgan_train.identity import changes
from esrgan_train.metrics.directions import Mode
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import STAGE_NAMES, StageName

NOTICEABLE = 0.05  # dB of PSNR; trainings that differ in the seed alone end up to 0.02 from their mean


class Best(NamedTuple):
    """A stage's best value so far, None where the last is taken, and after how many iterations it was reached."""

    value: float | None
    step: int


class BestOfStages:
    """The best value in each stage, by that stage's criterion."""

    def __init__(self, criteria: Mapping[StageName, Criterion]) -> None:
        self.criteria = dict(criteria)
        self.stages: dict[StageName, Best] = {}

    def is_better(self, stage: StageName, value: float, other: float) -> bool:
        """Whether ``value`` beats ``other``; one that is not finite beats none."""
        return beats(self.criteria[stage].mode, value, other)

    def note(self, stage: StageName, step: int, value: float) -> bool:
        """Add the value of iteration ``step``; return whether it is its stage's best. It may be added again.

        Where the last is taken, any finite value will do.
        """
        best, last = self.stages.get(stage), self.criteria[stage].monitor == LAST
        if math.isfinite(value):
            if last:
                best = Best(None, step)
            elif best is None or best.value is None or self.is_better(stage, value, best.value):
                best = Best(value, step)
            self.stages[stage] = best
        return best is not None and best.step == step

    def why(self, stage: StageName) -> str:
        """What the best of a stage is, for people."""
        best, criterion = self.stages[stage], self.criteria[stage]
        chosen = criterion.reason if best.value is None else f"the best by {worded(criterion.monitor, best)}"
        return f"{STAGE_NAMES[stage]}, iteration {best.step:,}: {chosen}"

    def state(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {
            "criteria": {
                stage: {"monitor": criterion.monitor, "mode": criterion.mode}
                for stage, criterion in self.criteria.items()
            },
            "stages": {stage: best._asdict() for stage, best in self.stages.items()},
        }

    def differences(self, stage: StageName, state: dict[str, Any]) -> list[str]:
        """The options that were others for a stage when ``state`` was written."""
        before, now = criterion_in(state, stage), self.criteria[stage]
        if before.monitor != now.monitor:
            return [OPTION]
        return ["callbacks.checkpoints.mode"] if before.mode != now.mode else []


def criterion_in(state: dict[str, Any], stage: StageName) -> Criterion:
    """The criterion of a stage in a checkpoint's state; earlier versions had one for both."""
    found = state["criteria"][stage] if "criteria" in state else state
    return Criterion(found["monitor"], found["mode"])


def worded(monitor: str, best: Best) -> str:
    """A value with its name, for people."""
    return monitor if best.value is None else f"{monitor} {best.value:.4g}"


def beats(mode: Mode | None, value: float, other: float) -> bool:
    """Whether ``value`` is better than ``other``; one that is not finite beats none."""
    return math.isfinite(value) and (value > other if mode == "max" else value < other)


def past_its_best(found: BestOfStages, values: Mapping[str, Any], file: Path, left: int) -> str | None:
    """A warning at the end of a pixel stage whose PSNR was noticeably better before: the next starts from here.

    Args:
        found: with the best of that stage.
        values: of its last validation, by name.
        file: the checkpoint of the best.
        left: iterations of the GAN stage.
    """
    monitor, best = found.criteria["pixel"].monitor, found.stages.get("pixel")
    if best is None or best.value is None or not monitor.startswith("val/psnr"):
        return None
    value = float(values[monitor])
    if not best.value - value >= NOTICEABLE:
        return None
    return (
        f"the GAN stage starts from {monitor} {value:.4g}, but after {best.step} iterations it was "
        f"{best.value:.4g}: few photos are learnt by heart in time; give more, or begin that stage "
        f"from the better weights, with the same options, another run_dir and "
        f"init_from={shell_word(str(file))} loss.adversarial.start_step=0 trainer.max_steps={left}"
    )


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
