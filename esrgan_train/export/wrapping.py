"""A network as it goes into a file: between the borders that a program wants, of the operations that it has."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from copy import deepcopy

import torch
from torch import Tensor, nn

from esrgan_train.export.rewriting import REWRITES, Operation, Rewritten
from esrgan_train.export.variants import Variant


class Clipped(nn.Module):
    """A network whose output is clipped to [0, 1], in the network's own precision."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, lr: Tensor) -> Tensor:
        """Enlarge and clip."""
        return torch.clamp(self.network(lr), 0, 1)  # as a function, so that it can be replaced


class _Cast(nn.Module):
    """A network that computes in one precision between inputs and outputs of another."""

    def __init__(self, network: nn.Module, inside: torch.dtype, border: torch.dtype) -> None:
        super().__init__()
        self.network = network
        self.inside, self.border = inside, border

    def forward(self, lr: Tensor) -> Tensor:
        """Cast, enlarge, cast back."""
        sr: Tensor = self.network(lr.to(self.inside))
        return sr.to(self.border)


def dtype_of(precision: str) -> torch.dtype:
    """torch's type of a ``Precision``."""
    return torch.float16 if precision == "float16" else torch.float32


def wrapped(generator: nn.Module, variant: Variant, instead: Mapping[Operation, Operation]) -> nn.Module:
    """A copy of a float32 network as a variant wants it, in evaluation mode.

    Args:
        generator: stays as it is.
        variant: its precisions, clip and rewrites are applied.
        instead: what the format lacks, see ``Rewritten``.

    Shape:
        (B, C, h, w) → (B, C, h·s, w·s), both of the border's precision.
    """
    inside, border = dtype_of(variant.weights), dtype_of(variant.border)
    replaced = ChainMap(*(dict(REWRITES[name]) for name in variant.rewrites), dict(instead))
    network = deepcopy(generator).to(inside)
    network = Rewritten(Clipped(network) if variant.clip else network, replaced)
    return (network if inside == border else _Cast(network, inside, border)).eval()
