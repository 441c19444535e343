"""Typed Hydra choices of the discovered networks."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra_zen import builds
from torch import nn

from esrgan_train.archs.discovery import discover, place
from esrgan_train.errors import UserError
from esrgan_train.images.colour import IN_CHANNELS, OUT_CHANNELS

CHANNELS = "${channels:${colour}}"  # of the pictures that networks see


def store_choices(config_dir: Path) -> None:
    """Put every discovered class into Hydra's ConfigStore; may be called repeatedly.

    The fields, types and defaults of ``generator=<name>`` and ``discriminator=<name>`` are those of the
    constructor, so a misspelt key or a value of a wrong type fails when the config is composed. ``upscale`` and
    the numbers of channels that are 3 by default follow the run's ``upscale`` and ``colour``.

    Raises:
        UserError: as ``discover``, or a YAML file in ``config_dir`` would hide a class of the same name.
    """
    for group, classes in discover().items():
        for name, cls in classes.items():
            for file in (config_dir / group).glob(f"{name}.y*ml"):
                raise UserError(f"{group}={name} is defined twice: {file} and {place(cls)}; rename one of them")
            node = builds(cls, populate_full_signature=True, **_bound(cls))
            ConfigStore.instance().store(group=group, name=name, node=node, provider="esrgan_train")


def _bound(cls: type[nn.Module]) -> dict[str, Any]:
    """The arguments that follow the run."""
    parameters = inspect.signature(cls).parameters
    bound = {"upscale": "${upscale}"} if "upscale" in parameters else {}
    channels = (name for name in IN_CHANNELS + OUT_CHANNELS if name in parameters)
    return bound | {name: CHANNELS for name in channels if parameters[name].default == 3}
