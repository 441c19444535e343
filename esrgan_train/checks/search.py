"""Searches by Optuna: what its sweeper makes of the command line, and how a search ends."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from esrgan_train.checks.metrics import check_metrics
from esrgan_train.errors import RunError, UserError

_SWEEPER = "hydra_optuna_sweeper"


def check_search(cfg: DictConfig, sweeper: DictConfig, overrides: Sequence[str]) -> None:
    """``UserError`` if a search has no metric, or would drop a range of the command line.

    Args:
        cfg: the configuration of a trial.
        sweeper: Hydra's ``sweeper`` node; others than Optuna's pass.
        overrides: of the command line.
    """
    if _SWEEPER not in sweeper._target_:
        return
    if cfg.optimized_metric is None:
        raise UserError("hydra/sweeper=optuna has no metric to search by: give optimized_metric=val/psnr")
    check_metrics(cfg)
    parse = OverridesParser.create().parse_overrides
    in_file = parse([f"{key}={value}" for key, value in (sweeper.params or {}).items()])
    fixed = {override.get_key_element() for override in in_file if not override.is_sweep_override()}
    for override in parse(list(overrides)):
        if override.is_sweep_override() and (key := override.get_key_element()) in fixed:
            raise UserError(
                f"{override.input_line} would be dropped: hydra.sweeper.params has one value for {key}; "
                "take it out there"
            )


def last_of_each_key(overrides: Sequence[str]) -> list[str]:
    """The overrides without those whose key comes again: what comes later wins, a range too.

    Optuna's sweeper would take the value and drop the range, wherever they stand.
    """
    keys = [override.get_key_element() for override in OverridesParser.create().parse_overrides(list(overrides))]
    last = {key: place for place, key in enumerate(keys)}
    return [override for place, override in enumerate(overrides) if last[keys[place]] == place]


def end_of_search(error: BaseException, results: Sequence[float | None]) -> BaseException:
    """The error of a sweeper, or one that points to the reasons if none of its jobs has a result."""
    if isinstance(error, ValueError) and results and all(result is None for result in results):
        return RunError("no trial of this search has a result; the reasons are reported above")
    return error
