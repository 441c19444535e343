"""A run's configuration as what differs from its experiment and recipe, and what differs between runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from esrgan_train.compare.table import cell, record_of, settings_changed
from esrgan_train.config import compose_config, config_dir, with_upscale
from esrgan_train.errors import UserError
from esrgan_train.identity import flat
from esrgan_train.report.folder import RunFolder

_OF_ITSELF = ("run_dir", "ckpt_path", "model_name")  # that every run has of its own


class Difference(NamedTuple):
    """An option whose value is not that of the recipe; None: one of the two has no such option."""

    option: str
    recipe: str | None
    run: str | None


class Differences(NamedTuple):
    """What differs from ``base``, the words that compose it; None where it cannot be composed here."""

    base: str
    found: list[Difference] | None


def differences(config: DictConfig) -> Differences:
    """The options that are not as experiment, data and recipe alone would set them."""
    choices = {"experiment": config.experiment, "data": _data(config), "recipe": config.recipe.name}
    words = tuple(f"{group}={name}" for group, name in choices.items() if name is not None)
    if (base := _composed(words)) is None:
        return Differences(" ".join(words), None)
    run = _plain(config)
    changed = [name for name in sorted({*base, *run}) if _differ(name, base, run)]
    return Differences(" ".join(words), [Difference(name, base.get(name), run.get(name)) for name in changed])


@cache
def _composed(words: tuple[str, ...]) -> dict[str, str] | None:
    """The options that these choices set; None for those of one's own, or of another version."""
    try:
        return _plain(with_upscale(compose_config(words)))
    except (UserError, HydraException, OmegaConfBaseException):
        return None


def _differ(name: str, base: dict[str, str], run: dict[str, str]) -> bool:
    return base.get(name) != run.get(name) and name not in _OF_ITSELF and not name.endswith(".run_dir")


def _data(config: DictConfig) -> str | None:
    """The choice of the group ``data`` whose function this is."""
    files = sorted((config_dir() / "data").glob("*.yaml"))
    targets = {file.stem: OmegaConf.select(OmegaConf.load(file), "_target_") for file in files}
    return next((name for name, target in targets.items() if target == config.data.get("_target_")), None)


def _plain(config: DictConfig) -> dict[str, str]:
    values = OmegaConf.to_container(config, resolve=True, throw_on_missing=False)
    return {name: _shown(value) for name, value in flat(values)}


def _shown(value: Any) -> str:
    """As the configuration writes it."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


class Comparison(NamedTuple):
    """A table of runs: a column each, after that of the names."""

    runs: list[str]
    lines: list[tuple[str, list[str], bool]]  # name, values, and whether these are not all the same


def comparison(runs: Sequence[RunFolder]) -> Comparison:
    """The settings that differ between runs, and what came of each."""
    changed = settings_changed([run.config for run in runs])
    records = [record_of(run.name, run.config, run.summary, changed) for run in runs]
    names = dict.fromkeys(name for record in records for name in record if name != "run")
    lines = [(name, [cell(record.get(name)) for record in records]) for name in names]
    kept = [(name, values, len(set(values)) > 1) for name, values in lines if {*values} != {cell(None)}]
    return Comparison([run.name for run in runs], kept)
