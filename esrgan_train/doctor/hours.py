"""What ``recipe.hours`` will come to, about, from the times of the rehearsal."""

from __future__ import annotations

from collections.abc import Sequence

from omegaconf import DictConfig

from esrgan_train.doctor.rehearsal import Stage
from esrgan_train.doctor.speed import Loading
from esrgan_train.hours.course import Scaled
from esrgan_train.hours.plan import SHARE_OF_VALIDATIONS, Costs, plan_for

_UNKNOWN = 1e-6  # seconds: validations are not rehearsed, their share of the time is left out instead


def with_hours(cfg: DictConfig, stages: Sequence[Stage], loading: Loading, *, workers: int) -> list[Stage]:
    """The stages with the iterations that ``recipe.hours`` will give them; as they are without it.

    A run that resumes has its lengths already.

    Raises:
        UserError: the time is too short.
    """
    if cfg.recipe.get("hours") is None or "hours" in cfg.callbacks or Scaled(cfg).fixed() is not None:
        return list(stages)
    each = {stage.name: loading.iteration(stage.seconds, workers) for stage in stages}
    costs = Costs(each.get("pixel", 0.0), each.get("gan", 0.0), validation=_UNKNOWN, start=0.0)
    course = plan_for(cfg, costs, 3600 * cfg.recipe.hours * (1 - SHARE_OF_VALIDATIONS)).course
    return [stage._replace(iterations=getattr(course, stage.name)) for stage in stages]
