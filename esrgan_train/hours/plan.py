"""From what an iteration and a validation take to the lengths of the stages."""

from __future__ import annotations

import math
from typing import NamedTuple

from omegaconf import DictConfig

from esrgan_train.errors import UserError
from esrgan_train.hours.course import Course, Scaled

FEWEST = 20  # iterations, below which nothing is trained
FEW = 300  # below which there is a warning
SHARE_OF_VALIDATIONS = 0.1  # of the time, at most

_MOST_VALIDATIONS = 100
_LEAST_VALIDATIONS = 4  # even so, unless they take more than
_LARGEST_SHARE = 0.33
_REHEARSED = 2  # GAN iterations that a run tries before its first one, if the stage comes later
_HALVINGS = 50


class Costs(NamedTuple):
    """Seconds that the parts of a run take."""

    pixel: float  # an iteration of the pixel stage; 0 if there is no such stage
    gan: float  # of the GAN stage, likewise
    validation: float  # with its checkpoint and previews
    start: float  # from the command to the first iteration, without validation
    trials: int = 1  # validations before the first iteration

    def of(self, course: Course) -> float:
        """What a whole run takes."""
        rehearsal = _REHEARSED * self.gan if course.pixel and course.gan else 0.0
        validations = self.trials + math.ceil(course.validations)
        training = course.pixel * self.pixel + course.gan * self.gan
        return self.start + rehearsal + validations * self.validation + training


class Plan(NamedTuple):
    """What ``recipe.hours`` came to."""

    recipe: dict[str, int]  # values that replace the recipe's
    course: Course
    seconds: float  # that the run will take


def plan_for(cfg: DictConfig, costs: Costs, seconds: float) -> Plan:
    """The longest run in the recipe's proportions that takes no more than ``seconds``.

    Validations are as many as the recipe has, at most 100 and a tenth of the time; four are made even so, unless
    they would take a third of it.

    Raises:
        UserError: not even ``FEWEST`` iterations fit.
    """
    scaled = Scaled(cfg)
    count = validations_in(seconds, costs.validation, scaled.own)

    def fits(scale: float) -> bool:
        return costs.of(scaled.course(scaled.recipe(scale, validations=count))) <= seconds

    low, high = 0.0, 1.0
    while fits(high):
        low, high = high, 2 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    course = scaled.course(recipe := scaled.recipe(low, validations=count))
    if not fits(low) or course.iterations < FEWEST:
        raise UserError(_too_short(cfg, costs, scaled, seconds))
    return Plan(recipe, course, costs.of(course))


def validations_in(seconds: float, each: float, own: Course) -> float:
    """How many validations a run of ``seconds`` gets, where the recipe has ``own.validations``."""
    affordable = math.floor(SHARE_OF_VALIDATIONS * seconds / each)
    least = min(_LEAST_VALIDATIONS, math.floor(_LARGEST_SHARE * seconds / each))
    return max(1.0, min(own.validations, _MOST_VALIDATIONS, max(affordable, least)))


def _too_short(cfg: DictConfig, costs: Costs, scaled: Scaled, seconds: float) -> str:
    """The refusal, with the hours that make ``FEW`` iterations."""
    own = scaled.own
    each = (own.pixel * costs.pixel + own.gan * costs.gan) / own.iterations
    around = costs.start + (costs.trials + _LEAST_VALIDATIONS) * costs.validation
    spent = 3600 * cfg.recipe.hours - seconds  # by measuring
    wanted = math.ceil((spent + around + FEW * each) / 36) / 100
    return (
        f"recipe.hours={cfg.recipe.hours:g} is too short for {FEWEST} iterations: start and validations take "
        f"about {around:.0f} s here, an iteration {each:.2g} s; give recipe.hours={max(wanted, 0.01):g} or more"
    )
