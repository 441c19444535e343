"""Several tensors cast to a lower precision by one operation, and their gradients back by another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def cast_together(dtype: torch.dtype, *weights: Tensor) -> Sequence[Tensor]:
    """Copies of float32 tensors in another type; the gradients are copied back."""
    cast: Sequence[Tensor] = _Cast.apply(dtype, *weights) if weights else ()
    return cast


class _Cast(torch.autograd.Function):
    """Copies of float32 tensors in another type; their gradients are copied back."""

    @staticmethod
    def forward(_ctx: Any, dtype: torch.dtype, *weights: Tensor) -> tuple[Tensor, ...]:
        """Cast all."""
        return _copies(weights, dtype)

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        """Cast those that there are."""
        there = [gradient for gradient in gradients if gradient is not None]
        cast = iter(_copies(there, torch.float32))
        return (None, *(None if gradient is None else next(cast) for gradient in gradients))


def _copies(tensors: Sequence[Tensor], dtype: torch.dtype) -> tuple[Tensor, ...]:
    made = [torch.empty_like(tensor, dtype=dtype) for tensor in tensors]
    if made:
        torch._foreach_copy_(made, list(tensors))
    return tuple(made)
