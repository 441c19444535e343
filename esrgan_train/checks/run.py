"""All checks of a composed configuration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException

from esrgan_train.checks.devices import check_devices
from esrgan_train.checks.generator import check_scale
from esrgan_train.checks.keys import check_keys
from esrgan_train.checks.limits import check_limits
from esrgan_train.checks.metrics import check_metrics
from esrgan_train.checks.optimizers import check_optimizers
from esrgan_train.checks.targets import check_targets
from esrgan_train.errors import UserError

_PHOTOS = "data.train_dir"


def check_config(cfg: DictConfig, primary: Path) -> None:
    """Find what is wrong with the options without building anything.

    Args:
        cfg: the composed configuration of a run.
        primary: the file it was composed from.

    Raises:
        UserError: the first mistake: missing values, unknown keys, bounds, types, devices, names of metrics.
    """
    for option in missing_in(cfg):
        raise UserError(f"{option} has no value: give {option}={'my/photos' if option == _PHOTOS else '…'}")
    try:
        check_keys(cfg, primary)
        check_limits(cfg)
        check_scale(cfg)
        check_devices(cfg)
        check_metrics(cfg)
        check_targets(cfg)
        check_optimizers(cfg)
    except InterpolationResolutionError as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise UserError(f"{_first_line(error)}; correct the reference ${{…}}") from error


def missing_in(node: DictConfig, prefix: str = "") -> Iterator[str]:
    """The dotted names of values left as ``???``; nothing is resolved."""
    key: Any
    for key in node:  # which may be a number
        below = node._get_node(key)
        if OmegaConf.is_missing(node, key):
            yield f"{prefix}{key}"
        elif isinstance(below, DictConfig) and not below._is_none() and not below._is_interpolation():
            yield from missing_in(below, f"{prefix}{key}.")


def _first_line(error: OmegaConfBaseException) -> str:
    lines = str(error).splitlines()
    key = next((line.partition(": ")[2] for line in lines if "full_key:" in line), "")
    return f"{key}: {lines[0]}" if key else lines[0]
