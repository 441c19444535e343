"""The channels of both networks, which are those of the run's pictures (``colour``)."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from omegaconf import DictConfig, OmegaConf, open_dict

from esrgan_train.archs.choices import CHANNELS
from esrgan_train.bounds import shown
from esrgan_train.checks.tree import locate
from esrgan_train.errors import UserError
from esrgan_train.images.colour import IN_CHANNELS, OUT_CHANNELS, channels_of

_NAMES = {"generator": IN_CHANNELS + OUT_CHANNELS, "discriminator": IN_CHANNELS}


def bind_channels(cfg: DictConfig) -> None:
    """Give networks of one channel what their classes call it, where the configuration has none."""
    if OmegaConf.select(cfg, "colour") not in ("gray", "luma"):
        return  # networks are made for RGB by default
    for player, node in _players(cfg):
        taken = inspect.signature(locate(f"{player}._target_", node._target_)).parameters
        with open_dict(node):
            for name in _NAMES[player]:
                if name in taken and name not in node and taken[name].default == 3:
                    node[name] = CHANNELS


def check_channels(cfg: DictConfig) -> None:
    """``UserError`` if a network is to have other channels than the run's pictures."""
    wanted = channels_of(cfg.colour)
    for player, node in _players(cfg):
        for name in _NAMES[player]:
            if name in node and node[name] != wanted and node[name] in (1, 3):
                fitting = "gray (or luma)" if node[name] == 1 else "rgb"
                raise UserError(
                    f"{player}.{name}={shown(node[name])} does not fit colour={cfg.colour}: leave it out, or give "
                    f"colour={fitting}"
                )


def _players(cfg: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    for player in _NAMES:
        node = OmegaConf.select(cfg, player)
        if isinstance(node, DictConfig) and "_target_" in node:
            yield player, node
