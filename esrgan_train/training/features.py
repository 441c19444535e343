"""Where in a network its feature maps are largest in meaning and still of the input's size."""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Place(NamedTuple):
    """A convolution, and the channels that it is given."""

    layer: str  # its name in the network
    channels: int


@torch.no_grad()
def last_at_lr(network: nn.Module, lr: Tensor) -> Place | None:
    """The last convolution that is given feature maps of the size of ``lr``, (1, 3, h, w); None if there is none.

    A copy of the network is tried, on the CPU.
    """
    tried = deepcopy(network).eval()
    found: list[Place] = []

    def note(name: str, features: Tensor) -> None:
        if features.dim() == 4 and features.shape[-2:] == lr.shape[-2:] and features.shape[1] > lr.shape[1]:
            found.append(Place(name, features.shape[1]))

    for name, layer in tried.named_modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_pre_hook(lambda _, given, name=name: note(name, given[0]))
    tried(lr.clone())
    return found[-1] if found else None
