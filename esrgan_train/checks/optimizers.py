"""Builds each optimizer once on a dummy parameter: otherwise it refuses its options only when training starts."""

from __future__ import annotations

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch import nn

from esrgan_train.errors import UserError


def check_optimizers(cfg: DictConfig) -> None:
    """``UserError`` with the optimizer's own words if it refuses its options."""
    for player in ("generator", "discriminator"):
        node = cfg.optimizer[player]
        try:
            make = instantiate(node, _partial_=True)
            make([nn.Parameter(torch.zeros(1))])
        except InstantiationException as error:
            raise _refusal(player, node, error.__cause__ or error) from error
        except (ValueError, TypeError, RuntimeError) as error:
            raise _refusal(player, node, error) from error


def _refusal(player: str, node: DictConfig, error: BaseException) -> UserError:
    reason = " ".join(str(error).split())
    return UserError(f"optimizer.{player}: {node._target_} refuses its options ({reason}): fix them")
