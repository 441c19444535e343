"""Collective operations: every process of a run calls them, in the same order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from esrgan_train.lost_process import reporting_lost_process, watch

TIMEOUT = timedelta(minutes=10)  # a process that waits longer for another one gives it up for lost


def is_distributed() -> bool:
    """Whether this run has more than one process."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def process_rank() -> int:
    """This process's number in the run."""
    return dist.get_rank() if is_distributed() else 0


@reporting_lost_process()
def broadcast_from_rank0(tensors: Iterable[Tensor]) -> None:
    """Replace the tensors of every process by those of the first."""
    for tensor in tensors:
        dist.broadcast(tensor, src=0)


@reporting_lost_process()
def all_reduce_sum(tensor: Tensor) -> None:
    """Replace ``tensor`` by its sum over all processes."""
    if is_distributed():
        dist.all_reduce(tensor)


def all_reduce_mean(tensors: Sequence[Tensor]) -> None:
    """Replace float32 tensors of one device by their means over all processes, in one flat reduction.

    Every process passes the same shapes in the same order. A value that is not finite in one process is not
    finite in any of them afterwards.
    """
    if not is_distributed():
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    all_reduce_sum(flat)
    flat /= dist.get_world_size()
    pieces = torch.split(flat, [tensor.numel() for tensor in tensors])
    for tensor, piece in zip(tensors, pieces, strict=True):
        tensor.copy_(piece.view(tensor.shape))


def mean_over_processes(tensor: Tensor) -> Tensor:
    """The mean of float32 tensors over all processes; each of them receives its share of the gradient.

    The gradient is one for the mean of the processes' losses, as they average gradients. Every process
    differentiates it, too.
    """
    return _Mean.apply(tensor) if is_distributed() else tensor


class _Mean(torch.autograd.Function):
    """The mean over all processes, of values and of gradients."""

    @staticmethod
    def forward(_ctx: Any, tensor: Tensor) -> Tensor:
        """Reduce a copy."""
        return _mean(tensor)

    @staticmethod
    def backward(_ctx: Any, *gradients: Tensor) -> Tensor:
        """Each process's loss depends on the values of all."""
        return _mean(gradients[0])


def _mean(tensor: Tensor) -> Tensor:
    copy = tensor.clone()
    all_reduce_mean([copy])
    return copy


@reporting_lost_process()
def gather_objects(value: Any) -> list[Any]:
    """The ``value`` of each process, by rank."""
    if not is_distributed():
        return [value]
    gathered: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, value)
    return gathered


class Agreement:
    """The largest number that any process passed, iteration by iteration.

    The exchange runs on the hosts during training, and its result is taken one call later, so nothing waits.
    """

    def __init__(self) -> None:
        self._group: Any = None
        if is_distributed():
            self._group = dist.new_group(backend="gloo", timeout=TIMEOUT)  # by default it would be half an hour
        self._value = torch.zeros(1, dtype=torch.int64)
        self._work: Any = None

    @reporting_lost_process()
    def exchange(self, value: int) -> int:
        """Pass ``value``; return the largest of the previous call, or 0; in a single process, ``value``."""
        if self._group is None:
            return value
        agreed = 0
        if self._work is not None:
            self._work.wait()
            agreed = int(self._value.item())
        self._value = torch.tensor([value])
        self._work = dist.all_reduce(self._value, op=dist.ReduceOp.MAX, group=self._group, async_op=True)
        watch(self._work)
        return agreed
