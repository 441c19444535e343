"""The exponential moving average of the generator's weights."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

import torch
from torch import Tensor, nn


def ema_decay_at(iteration: int, decay: float, warmup: bool) -> float:
    """The decay of iteration number ``iteration`` (1 is the first).

    With ``warmup`` it is at most (1 + n) / (10 + n), so that random first weights are forgotten quickly.
    """
    return min(decay, (1 + iteration) / (10 + iteration)) if warmup else decay


class EMA(nn.Module):
    """An averaged copy of a generator: ema ← decay · ema + (1 − decay) · weights, after each iteration.

    It starts as a copy. Buffers are copied, not averaged. Unlike ``torch.optim.swa_utils.AveragedModel`` it
    keeps no counter on the device, so an update never waits for a GPU.
    """

    def __init__(self, generator: nn.Module, *, decay: float, warmup: bool) -> None:
        super().__init__()
        self.decay = decay
        self.warmup = warmup
        self.module = deepcopy(generator).requires_grad_(False)

    @torch.no_grad()
    def update(self, generator: nn.Module, iteration: int, skip: Tensor) -> None:
        """Average in the weights after iteration number ``iteration`` (1 is the first).

        ``skip``, a scalar on the weights' device, is 1 if the iteration was skipped: then nothing changes.
        """
        weight = (1.0 - ema_decay_at(iteration, self.decay, self.warmup)) * (1.0 - skip)
        averaged: list[Tensor] = list(self.module.parameters())
        steps = torch._foreach_sub([p.detach() for p in generator.parameters()], averaged)
        torch._foreach_mul_(steps, weight)
        torch._foreach_add_(averaged, steps)
        _copy_all(self.module.buffers(), generator.buffers())

    @torch.no_grad()
    def copy_from(self, generator: nn.Module) -> None:
        """Set the averaged weights and buffers to the generator's."""
        _copy_all(self.module.parameters(), generator.parameters())
        _copy_all(self.module.buffers(), generator.buffers())

    @torch.no_grad()
    def copy_to(self, generator: nn.Module) -> None:
        """Set the generator's weights and buffers to the averaged ones."""
        _copy_all(generator.parameters(), self.module.parameters())
        _copy_all(generator.buffers(), self.module.buffers())


def _copy_all(targets: Iterable[Tensor], sources: Iterable[Tensor]) -> None:
    into, of = list(targets), list(sources)
    assert len(into) == len(of)
    if into:
        torch._foreach_copy_(into, of)
