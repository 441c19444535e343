"""How many values a network's layers make of a pixel: what tiles cost in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn


@dataclass
class Width:
    """The widest layer of those that have run."""

    values: int = 0  # that it makes per pixel of the network's input; at first none has run


@contextmanager
def widest_layer(network: nn.Module) -> Iterator[Width]:
    """Watch the layers of a network while it enlarges pictures (B, C, h, w)."""
    found, pixels = Width(), 1

    def starts(_: nn.Module, given: tuple[Any, ...]) -> None:
        nonlocal pixels
        pixels = given[0].numel() // given[0].shape[1]

    def made(_: nn.Module, __: tuple[Any, ...], result: Any) -> None:
        if isinstance(result, Tensor):
            found.values = max(found.values, result.numel() // pixels)

    hooks = [network.register_forward_pre_hook(starts)]
    hooks += [module.register_forward_hook(made) for module in network.modules() if module is not network]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
