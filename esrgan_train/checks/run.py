"""All checks of a composed configuration."""

from __future__ import annotations

from omegaconf import DictConfig
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException

from esrgan_train.checks.devices import check_devices
from esrgan_train.checks.generator import check_scale
from esrgan_train.checks.metrics import check_metrics
from esrgan_train.checks.optimizers import check_optimizers
from esrgan_train.checks.options import check_options
from esrgan_train.checks.tree import missing_in
from esrgan_train.errors import UserError

_PHOTOS = "data.train_dir"


def check_config(cfg: DictConfig) -> None:
    """Find what is wrong with the options of a composed configuration without building anything.

    Raises:
        UserError: the first mistake: missing values, unknown options, types, bounds, devices, names of metrics.
    """
    for option in missing_in(cfg):
        raise UserError(f"{option} has no value: give {option}={'my/photos' if option == _PHOTOS else '…'}")
    try:
        check_options(cfg)
        check_scale(cfg)
        check_devices(cfg)
        check_metrics(cfg)
        check_optimizers(cfg)
    except InterpolationResolutionError as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise UserError(f"{_first_line(error)}; fix the reference ${{…}}") from error


def _first_line(error: OmegaConfBaseException) -> str:
    lines = str(error).splitlines()
    key = next((line.partition(": ")[2] for line in lines if "full_key:" in line), "")
    return f"{key}: {lines[0]}" if key else lines[0]
