"""By what the best checkpoint of a stage is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from lightning import Trainer

from esrgan_train.callbacks.lookup import callbacks_of
from esrgan_train.callbacks.validate_learned import ValidateLearned
from esrgan_train.errors import UserError
from esrgan_train.metrics.directions import Mode, mode_of
from esrgan_train.metrics.learned import LEARNED
from esrgan_train.training.stages import STAGE_NAMES, StageName

OPTION = "callbacks.checkpoints.monitor"
AUTO, LAST = "auto", "last"  # values of the option besides those in the log
PIXEL_VALUE = "val/psnr_y"  # what auto is in the pixel stage
_BLURS = "PSNR would choose the blurriest"


class Criterion(NamedTuple):
    """A value in the log, and which of two is better; or ``last``, and why no value chooses."""

    monitor: str
    mode: Mode | None = None
    reason: str = ""


def monitors_of(monitor: str | Mapping[str, str]) -> dict[StageName, str]:
    """The value of the option by stage, in which it may be given for both or for each; without one it is ``auto``.

    Raises:
        UserError: there is no such stage.
    """
    if isinstance(monitor, str):
        return dict.fromkeys(STAGE_NAMES, monitor)
    if unknown := [str(name) for name in monitor if name not in STAGE_NAMES]:
        raise UserError(f"{OPTION}.{unknown[0]}: there is no such stage; give {' or '.join(STAGE_NAMES)}")
    return {stage: str(monitor.get(stage, AUTO)) for stage in STAGE_NAMES}


def option_of(monitor: object, stage: StageName) -> str:
    """The option by which ``monitor`` was given for a stage, for messages."""
    return OPTION if isinstance(monitor, str) else f"{OPTION}.{stage}"


def criterion_of(stage: StageName, monitor: str, mode: Mode | None) -> Criterion | None:
    """The criterion that ``monitor`` names; None where that depends on what the run measures (``by_measures``).

    Args:
        stage: whose best it chooses.
        monitor: ``auto``, ``last`` or the name of a value in the log.
        mode: for a value of which it is not known.

    Raises:
        UserError: it is missing.
    """
    if monitor == LAST:
        return Criterion(LAST, reason=f"the last, as {OPTION} asks")
    if monitor == AUTO:
        return Criterion(PIXEL_VALUE, mode_of(PIXEL_VALUE)) if stage == "pixel" else None
    return Criterion(monitor, resolved_mode("callbacks.checkpoints", monitor, mode))


def resolved_mode(at: str, monitor: str, mode: Mode | None) -> Mode:
    """``mode`` as it is given for ``<at>.monitor``, else what is known of the value; ``UserError`` for neither."""
    found = mode or mode_of(monitor)
    if found is None:
        raise UserError(f"{at}.monitor={monitor}: give {at}.mode=max or min, whichever of its values is the best")
    return found


def by_measures(trainer: Trainer) -> Criterion:
    """By the first measure of perception that the run has; without any the last, since others choose blur."""
    measured = [c.measure for c in callbacks_of(trainer, ValidateLearned) if c.metric is not None]
    for measure in LEARNED:
        if measure in measured:
            return Criterion(measure.logged, mode_of(measure.logged))
    titles = " or ".join(measure.title for measure in LEARNED)
    return Criterion(LAST, reason=f"the last, since no {titles} weights are there to choose by; {_BLURS}")


def too_small(criterion: Criterion) -> Criterion:
    """In place of a measure that no held-out photo is large enough for."""
    return Criterion(
        LAST, reason=f"the last, since no held-out photo is large enough for {criterion.monitor}; {_BLURS}"
    )
