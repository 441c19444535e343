"""One run of a network on a picture of noise."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# What a picture's sides may have to be multiples of.
MULTIPLES = (1, 2, 4, 8, 16, 32)


def noise(height: int, width: int) -> Tensor:
    """(1, 3, height, width) in [0, 1], the same each time."""
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(height))


def run(network: nn.Module, lr: Tensor) -> Tensor:
    """The network's output for a copy of the picture, since it may work in place.

    Raises:
        ValueError: the network raised anything, or made no tensor of four dimensions; the message is one line.
    """
    try:
        sr = network(lr.clone())
    except Exception as error:  # of sizes that a network does not take, it may say anything
        raise ValueError(next(iter(str(error).splitlines()), type(error).__name__)) from error
    if not isinstance(sr, Tensor) or sr.ndim != 4:
        raise ValueError(f"{type(sr).__name__} is no picture")
    return sr
