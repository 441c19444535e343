"""Optimizers that average the weights themselves, such as schedule-free ones.

They train one set of weights and evaluate another; ``train()`` and ``eval()`` switch between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim import Optimizer


def averages_itself(optimizer: Any) -> bool:
    """Whether an optimizer, or a class of them, has weights to train and others to evaluate."""
    return all(callable(getattr(optimizer, name, None)) for name in ("train", "eval"))


@contextmanager
@torch.no_grad()
def weights_to_evaluate(optimizer: Optimizer) -> Iterator[None]:
    """Let the parameters be the weights to evaluate within; afterwards they are as before, bit for bit.

    There and back by arithmetic alone they would be rounded, and where a run validates would change its result.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    trained = [parameter.clone() for parameter in parameters]
    optimizer.eval()  # type: ignore[attr-defined]
    try:
        yield
    finally:
        optimizer.train()  # type: ignore[attr-defined]
        torch._foreach_copy_(parameters, trained)
