"""A generator enlarges by the run's ``upscale``, whatever its class calls that."""

from __future__ import annotations

import inspect

from omegaconf import DictConfig, OmegaConf, open_dict

from esrgan_train.bounds import shown
from esrgan_train.checks.targets import locate
from esrgan_train.errors import UserError

NAMES = ("upscale", "scale")  # of the parameter, in this project and in spandrel


def bind_upscale(cfg: DictConfig) -> None:
    """Set the generator's scale to the run's, where its class takes one and the configuration has none."""
    node = OmegaConf.select(cfg, "generator")
    if not isinstance(node, DictConfig) or "_target_" not in node:
        return  # which check_options reports
    taken = inspect.signature(locate("generator._target_", node._target_)).parameters
    for name in NAMES:
        if name in taken and name not in node:
            with open_dict(node):
                node[name] = "${upscale}"


def check_scale(cfg: DictConfig) -> None:
    """``UserError`` if the generator has another scale than the rest of the run."""
    for name in NAMES:
        if name in cfg.generator and cfg.generator[name] != cfg.upscale:
            value = shown(cfg.generator[name])
            raise UserError(
                f"generator.{name}={value} does not fit upscale={cfg.upscale}: "
                f"leave it out, or give upscale={value}"
            )
