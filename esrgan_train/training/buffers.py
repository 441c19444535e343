"""Buffers: what a forward pass moves in a network without any optimizer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn


class Snapshot:
    """The values of some tensors, to be put back."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._kept = [(tensor, tensor.detach().clone()) for tensor in tensors]

    @torch.no_grad()
    def restore(self) -> None:
        """Give the tensors the values that they had."""
        for tensor, value in self._kept:
            tensor.copy_(value)


def power_vectors(network: nn.Module) -> Iterator[Tensor]:
    """The vectors u and v of every weight with spectral normalization.

    Each forward pass in training mode moves them by a power iteration, which depends on them and on the weight
    alone. Found by their names, which ``SpectralConv2d`` shares with both of PyTorch's ways
    (``torch.nn.utils.spectral_norm`` and ``torch.nn.utils.parametrizations.spectral_norm``): two buffers of one
    module, ``<name>_u`` and ``<name>_v``.
    """
    for module in network.modules():
        buffers = dict(module.named_buffers(recurse=False))
        for name, u in buffers.items():
            if name.endswith("_u") and (v := buffers.get(f"{name[:-1]}v")) is not None:
                yield from (u, v)
