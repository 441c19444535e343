"""The optimizers that tests take: those of the choices, as the choices build them, and some by ``_target_``."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import pytorch_optimizer
import schedulefree
import torch
from hydra.utils import instantiate
from torch.optim import Optimizer

from esrgan_train.config import compose_config
from esrgan_train.training.players import MakeOptimizer

CHOICES = ("adam", "adamw", "adan", "schedulefree")
OTHERS: dict[str, partial[Optimizer]] = {
    "torch.optim.Adam, not fused": partial(torch.optim.Adam, lr=1e-3, weight_decay=0.1),
    "torch.optim.SGD": partial(torch.optim.SGD, lr=1e-3, momentum=0.9, weight_decay=0.1),
    "torch.optim.NAdam": partial(torch.optim.NAdam, lr=1e-3),
    "torch.optim.RAdam": partial(torch.optim.RAdam, lr=1e-3),
    "pytorch_optimizer.Lion": partial(pytorch_optimizer.Lion, lr=1e-4, weight_decay=0.1),
    "pytorch_optimizer.Prodigy": partial(pytorch_optimizer.Prodigy, lr=1.0),
    "pytorch_optimizer.SOAP": partial(pytorch_optimizer.SOAP, lr=1e-3),
    "pytorch_optimizer.SPlus": partial(pytorch_optimizer.SPlus, lr=1e-3),
    "schedulefree.AdamWScheduleFree": partial(schedulefree.AdamWScheduleFree, lr=1e-3, warmup_steps=3),
    "schedulefree.SGDScheduleFree": partial(schedulefree.SGDScheduleFree, lr=1e-2),
    "schedulefree.RAdamScheduleFree": partial(schedulefree.RAdamScheduleFree, lr=1e-3),
}
AVERAGING = ("schedulefree", *(name for name in OTHERS if name.startswith("schedulefree.")))


@cache
def _node(choice: str) -> Any:
    return compose_config([f"optimizer={choice}"]).optimizer.generator


def make_of(name: str, **changes: Any) -> MakeOptimizer:
    """What makes the optimizer of a choice, or the one by ``_target_``."""
    if name in OTHERS:
        return partial(OTHERS[name], **changes)
    made: MakeOptimizer = instantiate(_node(name), _convert_="all", **changes)
    return made
