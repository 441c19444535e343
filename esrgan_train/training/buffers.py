"""Buffers: what a forward pass changes in a network, without an optimizer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn


class Snapshot:
    """A copy of some tensors' values."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self._kept = [(tensor, tensor.detach().clone()) for tensor in tensors]

    @torch.no_grad()
    def restore(self) -> None:
        """Give the tensors the values that they had when the copy was made."""
        for tensor, value in self._kept:
            tensor.copy_(value)


def power_vectors(network: nn.Module) -> Iterator[Tensor]:
    """The vectors u and v of every weight with spectral normalization, which each pass in training mode moves.

    They are buffers ``<name>_u`` and ``<name>_v`` of one module, both in ``SpectralConv2d`` and with
    ``torch.nn.utils.spectral_norm`` or ``torch.nn.utils.parametrizations.spectral_norm``.
    """
    for module in network.modules():
        buffers = dict(module.named_buffers(recurse=False))
        for name, u in buffers.items():
            if name.endswith("_u") and (v := buffers.get(f"{name[:-1]}v")) is not None:
                yield from (u, v)
