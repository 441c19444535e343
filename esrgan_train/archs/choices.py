"""Typed Hydra choices of the discovered networks."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra_zen import builds
from torch import nn

from esrgan_train.archs.discovery import Architectures, discover
from esrgan_train.errors import UserError


def store_choices() -> Architectures:
    """Put every discovered class into Hydra's ConfigStore and return what was discovered.

    The fields, types and defaults of ``generator=<name>`` and ``discriminator=<name>`` are those of the
    constructor, so a misspelt key or a value of a wrong type fails when the config is composed. May be called
    repeatedly.

    Raises:
        UserError: as ``discover``.
    """
    found = discover()
    for group, classes in _groups(found):
        for name, cls in classes.items():
            bound: dict[str, Any] = (
                {"upscale": "${upscale}"} if "upscale" in inspect.signature(cls).parameters else {}
            )
            node = builds(cls, populate_full_signature=True, **bound)
            ConfigStore.instance().store(group=group, name=name, node=node, provider="esrgan_train")
    return found


def check_names(found: Architectures, config_dirs: Iterable[Path]) -> None:
    """Refuse a YAML file that hides a class of the same name.

    Args:
        found: what ``store_choices`` returned.
        config_dirs: every folder of Hydra's search path, each with its ``generator/`` and ``discriminator/``.

    Raises:
        UserError: naming the file and the class.
    """
    for folder in config_dirs:
        for group, classes in _groups(found):
            for name, cls in classes.items():
                for file in (folder / group / f"{name}.yaml", folder / group / f"{name}.yml"):
                    if file.is_file():
                        raise UserError(
                            f"{group}={name} is defined twice: {file} and {inspect.getsourcefile(cls)} "
                            f"({cls.__qualname__}); rename one of them"
                        )


def _groups(found: Architectures) -> tuple[tuple[str, dict[str, type[nn.Module]]], ...]:
    return ("generator", dict(found.generators)), ("discriminator", dict(found.discriminators))
