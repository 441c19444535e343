"""What of a configuration takes time: the iterations of each stage and the validations; and how it is scaled."""

from __future__ import annotations

import math
from collections.abc import Mapping
from copy import deepcopy
from typing import NamedTuple

from omegaconf import DictConfig

from esrgan_train.checks.terms import has_gan_stage

LENGTHS = ("start_step", "max_steps", "finetune_steps", "finetune_warmup")
INTERVALS = ("val_check_interval", "log_every_n_steps")

_LOG_LINES = 100  # that a run keeps, if its recipe has as many
_DOUBLED = 2.0


class Course(NamedTuple):
    """What a run does."""

    pixel: int  # iterations of the pixel stage
    gan: int  # of the GAN stage
    validations: float  # after the first iteration, the last of which may be a part of an interval
    log_lines: float

    @property
    def iterations(self) -> int:
        """Of both stages."""
        return self.pixel + self.gan


def course_of(cfg: DictConfig) -> Course:
    """The course of a run that is configured so, by its resolved options."""
    last, switch = int(cfg.trainer.max_steps), int(cfg.loss.adversarial.start_step)
    pixel = min(switch, last) if has_gan_stage(cfg) else last
    trainer = cfg.trainer
    return Course(pixel, last - pixel, last / trainer.val_check_interval, last / trainer.log_every_n_steps)


class Scaled:
    """A configuration whose recipe is made longer or shorter, in its own proportions.

    Only values of ``recipe`` change; what a run does is read from the options that refer to them, so an experiment
    of one stage, or one that takes ``recipe.finetune_steps``, is scaled by what it runs.

    Args:
        cfg: composed and checked; it stays as it is.
    """

    def __init__(self, cfg: DictConfig) -> None:
        self._cfg = deepcopy(cfg)
        self._recipe = {
            name: int(cfg.recipe[name]) for name in (*LENGTHS, *INTERVALS) if cfg.recipe.get(name) is not None
        }
        self.own = course_of(cfg)  # what the recipe says itself

    def recipe(self, scale: float, *, validations: float) -> dict[str, int]:
        """The values of the recipe at ``scale``, with about so many validations."""
        values = {name: _scaled(value, scale) for name, value in self._recipe.items()}
        if self._recipe.get("max_steps", 0) > self._recipe.get("start_step", 0) > 0:
            values["max_steps"] = max(values["max_steps"], values["start_step"] + 1)
        fewer = max(1.0, self.own.validations / validations)
        if "val_check_interval" in values:
            values["val_check_interval"] = max(1, math.ceil(self._recipe["val_check_interval"] * scale * fewer))
        if "log_every_n_steps" in values:
            kept = self.own.log_lines * scale / min(self.own.log_lines, _LOG_LINES)
            values["log_every_n_steps"] = max(1, math.floor(self._recipe["log_every_n_steps"] * min(1.0, kept)))
        return values

    def course(self, recipe: Mapping[str, int]) -> Course:
        """What a run with these values of the recipe does."""
        for name, value in recipe.items():
            self._cfg.recipe[name] = value
        return course_of(self._cfg)

    def fixed(self) -> str | None:
        """The option, with its value, that fixes the length of a stage, so that it does not follow the recipe."""
        doubled = self.course(self.recipe(_DOUBLED, validations=self.own.validations))
        if doubled.iterations == self.own.iterations:
            return f"trainer.max_steps={self._cfg.trainer.max_steps}"
        if self.own.gan and doubled.pixel == self.own.pixel > 0:
            return f"loss.adversarial.start_step={self._cfg.loss.adversarial.start_step}"
        return None


def _scaled(value: int, scale: float) -> int:
    return max(1, round(value * scale)) if value else 0
