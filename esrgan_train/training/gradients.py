"""What happens to gradients between the backward passes and the optimizers' steps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from esrgan_train.training.processes import are_several, sum_over_all


def gradients_of(parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    """The gradients that are there."""
    return [p.grad for p in parameters if p.grad is not None]


def mean_over_processes(tensors: Sequence[Tensor]) -> None:
    """Replace float32 tensors of one device by their means over all processes, in one flat reduction.

    Every process must pass tensors of the same shapes, in the same order. A value that is not finite in one
    process is not finite in all of them afterwards. Nothing happens in a single process.
    """
    if not are_several():
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    sum_over_all(flat)
    flat /= dist.get_world_size()
    pieces = torch.split(flat, [tensor.numel() for tensor in tensors])
    for tensor, piece in zip(tensors, pieces, strict=True):
        tensor.copy_(piece.view(tensor.shape))


def norm_of(gradients: Sequence[Tensor]) -> Tensor:
    """The Euclidean norm over all gradients, a scalar on their device."""
    return get_total_norm(gradients)


def clip(parameters: Sequence[nn.Parameter], norm: Tensor, *, limit: float) -> None:
    """Scale the gradients down so that their norm, now ``norm``, is at most ``limit``."""
    clip_grads_with_norm_(parameters, limit, norm)
