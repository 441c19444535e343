"""Finds keys that mean nothing, which a ``+`` on the command line or an own file can bring in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from esrgan_train.checks.nearest import remedy
from esrgan_train.checks.values import shown
from esrgan_train.errors import UserError
from esrgan_train.training.options import Options

_TRAINING = (*(field.name for field in fields(Options)), "usm", "init")

# Nodes without a _target_. ``recipe`` may hold whatever an own recipe's other values refer to; ``callbacks``
# and ``logger`` any names.
PLAIN: Mapping[str, Collection[str]] = {
    "training": _TRAINING,
    "optimizer": ("pixel_lr", "lr", "generator", "discriminator"),
    "loss": ("pixel", "perceptual", "adversarial"),
    "loss.pixel": ("weight", "function"),
    "loss.perceptual": ("weight", "features", "function"),
    "loss.adversarial": ("weight", "start_step", "discriminator_warmup", "function"),
}
BUILT = (
    "generator",
    "discriminator",
    "degradation",
    "data",
    "scheduler",
    "trainer",
    "optimizer.generator",
    "optimizer.discriminator",
    "loss.pixel.function",
    "loss.perceptual.function",
    "loss.adversarial.function",
)


def root_keys(primary: Path) -> list[str]:
    """The keys and groups of the primary configuration file."""
    content = OmegaConf.load(primary)
    assert isinstance(content, DictConfig)
    groups = [str(next(iter(entry))) for entry in content.defaults if isinstance(entry, DictConfig)]
    groups = [group.split()[-1].partition("@")[0] for group in groups if not group.startswith("override ")]
    return [key for key in map(str, content) if key not in ("defaults", "hydra")] + groups


def check_keys(cfg: DictConfig, primary: Path) -> None:
    """``UserError`` for a key that nothing reads, and for a group that is empty or no group at all."""
    _check(cfg, "", root_keys(primary))
    for option, known in PLAIN.items():
        _check(_node(cfg, option), option, known)
    for option in BUILT:
        if option == "degradation" and cfg.degradation is None:  # data=paired; other data refuse it
            continue
        node = _node(cfg, option)
        if "_target_" not in node:
            raise UserError(
                f"{option} has no _target_: name the class to build, or choose another {_group(option)}"
            )
    for group in ("callbacks", "logger"):
        for name, node in ((str(key), value) for key, value in _node(cfg, group).items()):
            if node is not None and (not isinstance(node, DictConfig) or "_target_" not in node):
                raise UserError(
                    f"{group}.{name}={shown(node)} builds nothing: "
                    f"give {group}.{name}._target_, or null to leave it out"
                )


def _check(node: DictConfig, option: str, known: Collection[str]) -> None:
    prefix = f"{option}." if option else ""
    for key in map(str, node):
        if key not in known:
            value = node._get_node(key)
            raise UserError(
                f"{prefix}{key}={shown(value)}: there is no such option; {remedy(key, known, prefix=prefix)}"
            )


def _node(cfg: DictConfig, option: str) -> DictConfig:
    node: Any = OmegaConf.select(cfg, option)
    if not isinstance(node, DictConfig):
        raise UserError(f"{option}={shown(node)} is not possible: choose one of the group {_group(option)}")
    return node


def _group(option: str) -> str:
    return (
        option.removesuffix(".function").replace(".", "/") if option.startswith("loss") else option.split(".")[0]
    )
