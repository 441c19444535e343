"""All checks of a composed configuration."""

from __future__ import annotations

import inspect

from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import InterpolationResolutionError

from esrgan_train.bounds import shown
from esrgan_train.checks.channels import check_channels
from esrgan_train.checks.devices import check_devices
from esrgan_train.checks.metrics import check_metrics
from esrgan_train.checks.options import check_options
from esrgan_train.checks.tree import locate, missing_in
from esrgan_train.contracts.optimizer import check_optimizer
from esrgan_train.contracts.part import Part
from esrgan_train.errors import UserError, user_error_in

_SCALES = ("upscale", "scale")  # the generator's parameter, in this project and in spandrel


def check_config(cfg: DictConfig) -> None:
    """Find what is wrong with the options of a composed configuration, before a run is built.

    Raises:
        UserError: the first mistake: missing values, unknown options, types, bounds, devices, names of metrics.
    """
    if "search" in cfg:
        raise UserError("search=NAME is for python -m esrgan_train.search, which takes these options, too")
    for option in missing_in(cfg):
        raise UserError(
            f"{option} has no value: give {option}={'my/photos' if option == 'data.train_dir' else '…'}"
        )
    try:
        check_options(cfg)
        check_scale(cfg)
        check_channels(cfg)
        check_devices(cfg)
        check_metrics(cfg)
        check_optimizers(cfg)
    except InterpolationResolutionError as error:
        if (told := user_error_in(error)) is not None:
            raise told from None
        first, *others = str(error).splitlines()
        key = "".join(f"{line.partition(': ')[2]}: " for line in others if "full_key:" in line)
        raise UserError(f"{key}{first}; fix the reference ${{…}}") from error


def bind_upscale(cfg: DictConfig) -> None:
    """Set the generator's scale to the run's, where its class takes one and the configuration has none."""
    node = OmegaConf.select(cfg, "generator")
    if not isinstance(node, DictConfig) or "_target_" not in node:
        return  # check_options reports it
    taken = inspect.signature(locate("generator._target_", node._target_)).parameters
    with open_dict(node):
        for name in _SCALES:
            if name in taken and name not in node:
                node[name] = "${upscale}"


def check_scale(cfg: DictConfig) -> None:
    """``UserError`` if the generator has another scale than the rest of the run."""
    for name in _SCALES:
        if name in cfg.generator and cfg.generator[name] != cfg.upscale:
            value = shown(cfg.generator[name])
            raise UserError(
                f"generator.{name}={value} does not fit upscale={cfg.upscale}: "
                f"leave it out, or give upscale={value}"
            )


def check_optimizers(cfg: DictConfig) -> None:
    """Try each optimizer on some weights: only then does it check its options."""
    for node in (cfg.optimizer.generator, cfg.optimizer.discriminator):
        part = Part.of(node)
        if "lr" not in node:
            raise part.refusal("it has no lr of its own", f"give +{part.option}.lr='${{optimizer.lr}}'")
        check_optimizer(instantiate(node, _partial_=True, _convert_="all"), part)
