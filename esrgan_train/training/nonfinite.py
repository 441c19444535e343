"""Iterations whose losses or gradients are not finite, kept on the device until they are read."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

import torch
from torch import Tensor

MAX_PENDING = 50  # iterations kept; reading them costs one wait for the device


class Skipped(NamedTuple):
    """An iteration that changed no weight."""

    step: int  # its number; 1 is the first
    samples: list[int]  # their numbers in the stream, of this process
    figures: dict[str, float]  # losses, scores and gradient norms, some of them not finite


class NonFinite:
    """Collects what is needed to explain a skipped iteration, without waiting for the device."""

    def __init__(self) -> None:
        # Bounded, in case nobody reads it (callbacks.guard=null).
        self._pending: deque[tuple[int, Any, tuple[str, ...], Tensor, Tensor]] = deque(maxlen=MAX_PENDING)

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, step: int, index: Tensor | None, measured: dict[str, Tensor], skip: Tensor) -> None:
        """Keep iteration ``step``; ``skip`` is 1 if it was skipped, else 0."""
        figures = torch.stack([value.detach().float() for value in measured.values()])
        self._pending.append((step, index, tuple(measured), figures, skip))

    def read(self) -> list[tuple[int, Skipped | None]]:
        """The number of each iteration kept, with what was measured if it was skipped; then forget them."""
        pending = list(self._pending)
        self._pending.clear()
        if not pending:
            return []
        skipped = torch.stack([skip for *_, skip in pending]).tolist()
        return [
            (step, _explain(step, index, names, figures) if skip else None)
            for (step, index, names, figures, _), skip in zip(pending, skipped, strict=True)
        ]


def _explain(step: int, index: Tensor | None, names: tuple[str, ...], figures: Tensor) -> Skipped:
    samples = [] if index is None else [int(n) for n in index.tolist()]
    return Skipped(step, samples, dict(zip(names, figures.tolist(), strict=True)))
