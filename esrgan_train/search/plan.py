"""What a command line asks of a search, checked as a whole before anything exists."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict

from esrgan_train.checks.devices import device_count
from esrgan_train.checks.metrics import check_metrics
from esrgan_train.checks.nearest import remedy
from esrgan_train.checks.paths import for_hydra, unreadable
from esrgan_train.checks.sweep import last_of_each_key
from esrgan_train.checks.tree import plain
from esrgan_train.config import check, compose_config
from esrgan_train.errors import UserError
from esrgan_train.identity import settings_of
from esrgan_train.metrics.directions import mode_of
from esrgan_train.search.options import Options
from esrgan_train.search.space import Space, space_in, space_of

_PARSER = OverridesParser.create()
_OF_SEARCH = "search"
_DECIDED = ("run_dir", "ckpt_path")  # of each trial, by the search
_FURTHER = ("trainer.max_steps", "trainer.val_check_interval", "optimized_metric")  # that a study has in common


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A search.

    Attributes:
        options: of the ``search`` group.
        space: what varies.
        fixed: the overrides that all trials share.
        cfg: composed of these.
    """

    options: Options
    space: Space
    fixed: list[str]
    cfg: DictConfig

    @property
    def metric(self) -> str:
        """The logged value that the search goes by."""
        return str(self.cfg.optimized_metric)

    @property
    def maximizes(self) -> bool:
        """Whether larger values are better."""
        return (self.options.mode or mode_of(self.metric)) == "max"

    @property
    def settings(self) -> dict[str, Any]:
        """What all trials share, by dotted name: only then can their values be compared."""
        return settings_of(self.cfg) | {name: OmegaConf.select(self.cfg, name) for name in _FURTHER}

    def overrides(self, values: dict[str, str], trial: int) -> list[str]:
        """Those of the trial of a number, with the values it has got."""
        return [
            *self.fixed,
            *(f"{key}={value}" for key, value in values.items()),
            f"optimized_metric={self.metric}",
            f"run_dir={self.options.run_dir(trial)}",
            "ckpt_path=auto",
        ]


def plan_of(words: Sequence[str]) -> Plan:
    """The search that the overrides of a command line ask for.

    Raises:
        UserError: a mistake in them, nothing to vary, or nothing to go by.
    """
    overrides = _parsed(words)
    if not any(override.get_key_element() == _OF_SEARCH for override in overrides):
        overrides.insert(0, _PARSER.parse_override(f"{_OF_SEARCH}=default"))
    fixed = [str(override.input_line) for override in overrides if not override.is_sweep_override()]
    cfg = compose_config(fixed)
    options = _options(cfg)
    space = _joined(space_of(options.space), overrides)
    of_trials = [
        text
        for text, override in zip(fixed, (o for o in overrides if not o.is_sweep_override()), strict=True)
        if re.split("[./]", override.get_key_element().lstrip("+"))[0] != _OF_SEARCH
    ]
    plan = Plan(options=options, space=space, fixed=of_trials, cfg=cfg)
    _check(plan)
    return plan


def _parsed(words: Sequence[str]) -> list[Override]:
    """The overrides; of those with the same key the last one."""
    try:
        return _PARSER.parse_overrides(last_of_each_key([for_hydra(word, sweep=True) for word in words]))
    except HydraException as error:
        raise UserError(unreadable(str(getattr(error, "override", None) or error))) from error


def _options(cfg: DictConfig) -> Options:
    """The group, taken out of the configuration, of which no run knows it."""
    node: Any = plain(cfg.get(_OF_SEARCH))
    if not isinstance(node, dict):
        raise UserError(f"{_OF_SEARCH}=null: leave it out, or give the name of a search")
    known = [field.name for field in fields(Options)]
    if unknown := [str(key) for key in node if key not in known]:
        raise UserError(f"search.{unknown[0]}: there is no such option; {remedy(unknown[0], known)}")
    with open_dict(cfg):
        del cfg[_OF_SEARCH]
    return Options(**{str(key): value for key, value in node.items()})


def _joined(of_file: Space, overrides: Sequence[Override]) -> Space:
    """The file's space, with the ranges of the command line; a single value takes its key out."""
    fixed = {override.get_key_element().lstrip("+") for override in overrides if not override.is_sweep_override()}
    return {key: each for key, each in of_file.items() if key not in fixed} | space_in(overrides)


def _check(plan: Plan) -> None:
    if not plan.space:
        raise UserError(
            "there is nothing to search: give a range, such as 'optimizer.lr=tag(log,interval(1e-5,1e-3))' or "
            "generator.num_feat=24,64, or a search with some, such as search=gan"
        )
    for key in (*plan.space, *(word.partition("=")[0].lstrip("+") for word in plan.fixed)):
        if key in _DECIDED:
            raise UserError(f"{key}: a search decides it for each trial: leave it out, and give search.dir=FOLDER")
    if plan.cfg.optimized_metric is None:
        raise UserError("a search has no value to go by: give optimized_metric=val/psnr")
    check_metrics(plan.cfg)
    if plan.options.mode is None and mode_of(plan.metric) is None:
        raise UserError(f"optimized_metric={plan.metric}: give search.mode=max or min, whichever is better")
    devices = plain(plan.cfg.trainer.devices)
    if device_count(devices) is not None and plan.cfg.trainer.num_nodes != 1:
        raise UserError("trainer.num_nodes above 1: each trial of a search runs on one host; start more workers")
    _check_values(plan)


def _check_values(plan: Plan) -> None:
    """Compose and check every choice and both ends of every range at least once."""
    examples = {key: each.examples() for key, each in plan.space.items()}
    for place in range(max(map(len, examples.values()))):
        values = {key: texts[min(place, len(texts) - 1)] for key, texts in examples.items()}
        check(compose_config([o for o in plan.overrides(values, 0) if not o.startswith(_DECIDED)]))
