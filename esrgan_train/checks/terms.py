"""The terms of the loss, as the configuration names them."""

from __future__ import annotations

from collections.abc import Iterator

from omegaconf import DictConfig

ADVERSARIAL = "adversarial"


def image_losses(cfg: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    """Each loss between images with its options, the pixel loss first; null leaves one out."""
    named = ((str(name), node) for name, node in cfg.loss.items() if name != ADVERSARIAL)
    return ((name, node) for name, node in named if isinstance(node, DictConfig))


def counts_in_gan_stage_alone(node: DictConfig) -> bool:
    """Whether a loss between images waits for the GAN stage, which it then makes."""
    return bool(node.weight) and "pixel" not in node.get("stages", ["pixel"])


def has_gan_stage(cfg: DictConfig) -> bool:
    """Whether anything joins the pixel stage's losses."""
    return bool(cfg.loss[ADVERSARIAL].weight) or any(
        counts_in_gan_stage_alone(node) for _, node in image_losses(cfg)
    )
