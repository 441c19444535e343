"""The augmentations of the ``augmentation`` group."""

from __future__ import annotations

from collections.abc import Iterator

from omegaconf import DictConfig

from esrgan_train.building import build
from esrgan_train.contracts.augmentation import check_augmentation
from esrgan_train.contracts.part import Part
from esrgan_train.data.augment.choice import Augmentation, Augmentations
from esrgan_train.errors import UserError
from esrgan_train.images.colour import channels_of


def build_augmentations(cfg: DictConfig) -> Augmentations | None:
    """Those that are drawn for any sample; None if there is none.

    Raises:
        UserError: one is not what the samples need, or their probabilities are more than 1 in all.
    """
    choices = list(_build_each(cfg))
    return Augmentations(choices, seed=cfg.data.seed) if choices else None


def _build_each(cfg: DictConfig) -> Iterator[Augmentation]:
    chosen = cfg.get("augmentation") or {}  # run folders of earlier versions have no such group
    for name, node in chosen.items():
        if node is not None and "prob" not in node:
            raise UserError(f"augmentation.{name} has no prob: give augmentation.{name}.prob, such as 0.25")
        if node is not None and node.prob:
            function = build(node.function)
            pictures = {"upscale": cfg.upscale, "channels": channels_of(cfg.get("colour", "rgb"))}
            check_augmentation(function, Part.of(node.function), gt_size=cfg.data.gt_size, **pictures)
            yield Augmentation(name=str(name), prob=node.prob, function=function)
