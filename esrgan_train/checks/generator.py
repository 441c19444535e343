"""A generator must enlarge by the run's ``upscale``, whatever its class calls that."""

from __future__ import annotations

import inspect

import torch
from omegaconf import DictConfig, OmegaConf, open_dict
from torch import nn

from esrgan_train.checks.targets import locate
from esrgan_train.checks.values import shown
from esrgan_train.errors import UserError

NAMES = ("upscale", "scale")  # of the parameter, in this project and in spandrel


def bind_upscale(cfg: DictConfig) -> None:
    """Give the generator the run's ``upscale``, where its class takes one and the configuration has none."""
    node = OmegaConf.select(cfg, "generator")
    if not isinstance(node, DictConfig) or "_target_" not in node:
        return  # check_keys tells
    taken = inspect.signature(locate("generator._target_", node._target_)).parameters
    for name in NAMES:
        if name in taken and name not in node:
            with open_dict(node):
                node[name] = "${upscale}"


def check_scale(cfg: DictConfig) -> None:
    """``UserError`` if the generator is told another scale than the rest of the run."""
    for name in NAMES:
        if name in cfg.generator and cfg.generator[name] != cfg.upscale:
            value = shown(cfg.generator[name])
            raise UserError(
                f"generator.{name}={value} does not fit upscale={cfg.upscale}: "
                f"leave it out, or give upscale={value}"
            )


def check_output(generator: nn.Module, *, upscale: int, lr_side: int) -> None:
    """Enlarge one crop: ``UserError`` unless (1, 3, n, n) becomes (1, 3, n·upscale, n·upscale).

    Args:
        generator: on the CPU; its mode and weights stay as they are.
        upscale: of the run.
        lr_side: n, in pixels.
    """
    name, was_training = type(generator).__name__, generator.training
    try:
        with torch.no_grad():
            size = tuple(generator.eval()(torch.zeros(1, 3, lr_side, lr_side)).shape)
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"generator {name} cannot enlarge a {lr_side} × {lr_side} picture ({reason}): give another "
            "data.gt_size, or options that take 3 channels"
        ) from error
    finally:
        generator.train(was_training)
    wanted = (1, 3, lr_side * upscale, lr_side * upscale)
    if size != wanted:
        raise UserError(
            f"generator {name} makes {'×'.join(map(str, size))} of 1×3×{lr_side}×{lr_side}, but upscale={upscale} "
            f"wants {'×'.join(map(str, wanted))}: bind its scale to ${{upscale}}, or give another upscale"
        )
