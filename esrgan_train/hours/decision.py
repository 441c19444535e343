"""The lengths of a run with ``recipe.hours``: of its checkpoint, or planned from what is measured here."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, open_dict

from esrgan_train.callbacks.hours import KEY, KeptHours
from esrgan_train.checks.devices import device_count
from esrgan_train.checks.tree import plain
from esrgan_train.errors import UserError, given_as
from esrgan_train.hours.course import Scaled, course_of
from esrgan_train.hours.plan import FEW, Costs, Plan, plan_for
from esrgan_train.hours.trial import measure
from esrgan_train.hours.words import shown_duration, shown_seconds
from esrgan_train.modelfiles.weights import load_checkpoint
from esrgan_train.training.stages import STAGE_NAMES, StageName

log = logging.getLogger(__name__)

Lengths = dict[str, Any]  # plain: ``hours``, ``recipe`` (values that replace the recipe's), ``said`` (lines)


def lengths_for(
    cfg: DictConfig, *, arguments: Sequence[str], checkpoint: Path | None, measuring: bool = True
) -> Lengths | None:
    """What ``recipe.hours`` comes to; None if it is not asked for, or nothing may be measured.

    Args:
        cfg: composed and checked.
        arguments: of the command line.
        checkpoint: that the run resumes, whose lengths stay.
        measuring: whether to train for some seconds if need be.

    Raises:
        UserError: another option sets the iterations, the checkpoint was trained otherwise, or the time is short.
    """
    hours = cfg.recipe.get("hours")
    with given_as("ckpt_path="):
        kept = load_checkpoint(checkpoint).get(KEY) if checkpoint is not None else None
    if hours is None and kept is None:
        return None
    fixed = Scaled(cfg).fixed()
    if hours is None:
        if fixed is None:
            log.warning("%s; without it the run takes the recipe's", _was_trained(checkpoint, kept))
        return None
    if fixed is not None:
        if debug := [word for word in arguments if word.startswith("debug=")]:
            log.warning("recipe.hours=%g has no effect: %s sets the iterations", hours, debug[-1])
            return None
        raise UserError(
            f"recipe.hours={hours:g} chooses the iterations, and {fixed} fixes them: leave one of them out "
            "(recipe.max_steps and recipe.start_step may be given: they set the proportion)"
        )
    if checkpoint is not None:
        return _resumed(cfg, hours, checkpoint, kept)
    return _measured(cfg, hours) if measuring else None


def with_lengths(cfg: DictConfig, lengths: Lengths | None) -> DictConfig:
    """A copy with these lengths, which its checkpoints will keep; ``cfg`` itself if there are none."""
    if lengths is None:
        return cfg
    cfg = deepcopy(cfg)
    kept = {"hours": lengths["hours"], "recipe": lengths["recipe"]}
    with open_dict(cfg):
        cfg.recipe.update(lengths["recipe"])
        cfg.callbacks.hours = {"_target_": f"{KeptHours.__module__}.{KeptHours.__name__}", **kept}
    return cfg


def _resumed(cfg: DictConfig, hours: float, checkpoint: Path, kept: Lengths | None) -> Lengths:
    if kept is None:
        raise UserError(
            f"recipe.hours={hours:g}: {checkpoint} was trained without it, and its stages stay: leave it out, and "
            "give trainer.max_time to stop after a time"
        )
    if kept["hours"] != hours:
        own = with_lengths(cfg, kept)
        raise UserError(
            f"recipe.hours={hours:g}: {_was_trained(checkpoint, kept)}; for a longer run leave it out, and give "
            f"loss.adversarial.start_step={own.loss.adversarial.start_step} and a trainer.max_steps above "
            f"{own.trainer.max_steps}"
        )
    lengths = {**kept, "said": []}
    course = course_of(with_lengths(cfg, lengths))
    said = f"recipe.hours={hours:g} came to {course.iterations:,} iterations when this run started, which stay"
    return {**lengths, "said": [said]}


def _was_trained(checkpoint: Path | None, kept: Lengths | None) -> str:
    assert kept is not None
    return f"{checkpoint} was trained with recipe.hours={kept['hours']:g}: give that to keep its lengths"


def _measured(cfg: DictConfig, hours: float) -> Lengths:
    log.info("hours         timing iterations of each stage, for recipe.hours=%g", hours)
    started = time.monotonic()
    costs = measure(cfg, hours=hours)
    spent = time.monotonic() - started
    plan = plan_for(cfg, costs, 3600 * hours - spent)
    if plan.course.iterations < FEW:
        log.warning(
            "recipe.hours=%g is time for %d iterations here, in which little is learned: give more hours, a "
            "smaller network, or a smaller data.batch_size",
            *(hours, plan.course.iterations),
        )
    return {"hours": float(hours), "recipe": plan.recipe, "said": list(_said(cfg, costs, plan, spent))}


def _said(cfg: DictConfig, costs: Costs, plan: Plan, spent: float) -> list[str]:
    """What was measured, and what it comes to."""
    found: list[tuple[StageName, int, float]] = [
        ("pixel", plan.course.pixel, costs.pixel),
        ("gan", plan.course.gan, costs.gan),
    ]
    stages = [(STAGE_NAMES[name], count, each) for name, count, each in found if count]
    timed = " and ".join(f"{shown_seconds(each)} ({stage})" for stage, _, each in stages)
    alone = device_count(plain(cfg.trainer.devices)) == 1 and cfg.trainer.num_nodes == 1
    by_one = "" if alone else ", by one process alone: what several exchange comes on top"
    end = datetime.now() + timedelta(seconds=plan.seconds)
    lengths = " and ".join(f"{count:,} ({stage})" for stage, count, _ in stages)
    return [
        f"an iteration takes {timed}, a validation {shown_seconds(costs.validation)}; timed in "
        f"{shown_duration(spent)}{by_one}",
        f"recipe.hours={cfg.recipe.hours:g} comes to {lengths} iterations; about {shown_duration(plan.seconds)}, "
        f"until {end:%a %H:%M}",
    ]
