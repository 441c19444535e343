"""An experiment: gradients travel in buckets while the backward pass goes on.

As in Li et al., "PyTorch Distributed: Experiences on Accelerating Data Parallel Training", VLDB 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from esrgan_train.processes import all_reduce_mean

BUCKET_BYTES = 2**20


class Bucket:
    """Gradients that travel together, once all of them are there."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self.parameters = parameters
        self.missing = len(parameters)
        self._flat: Tensor | None = None
        self._work: Any = None

    def send(self) -> None:
        """Start their sum over the processes."""
        self._flat = torch.cat([_gradient(parameter).reshape(-1) for parameter in self.parameters])
        self._work = dist.all_reduce(self._flat, async_op=True)

    def receive(self) -> None:
        """Wait for the sum, and put the means in their places."""
        assert self._flat is not None
        self._work.wait()
        self._flat /= dist.get_world_size()
        pieces = torch.split(self._flat, [parameter.numel() for parameter in self.parameters])
        for parameter, piece in zip(self.parameters, pieces, strict=True):
            _gradient(parameter).copy_(piece.view(parameter.shape))
        self.missing, self._flat, self._work = len(self.parameters), None, None


class Overlapped:
    """Stands in for ``all_reduce_mean`` in a training step; of any one stage, whose passes are always the same.

    The first iteration travels in one block. It shows how often each parameter gets a gradient added, and in which
    order the last of these come; by that order of the first process, all processes divide them into buckets.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], *, bucket_bytes: int = BUCKET_BYTES) -> None:
        self._parameters = list(parameters)
        self._bucket_bytes = bucket_bytes
        self._added: dict[
            int, int
        ] = {}  # to the gradient of the parameter of that number, the last one at the end
        self._expected: dict[int, int] = {}
        self._bucket_of: dict[int, Bucket] = {}
        self.buckets: list[Bucket] = []
        self._sent = 0  # of the buckets: all processes send them in the same order
        for number, parameter in enumerate(self._parameters):
            hook = partial(self._note, number)
            parameter.register_post_accumulate_grad_hook(hook)  # type: ignore[no-untyped-call]

    def mean(self, tensors: Sequence[Tensor]) -> None:
        """As ``all_reduce_mean``; the gradients among them are on their way, or here, already."""
        if not self.buckets:
            all_reduce_mean(tensors)
            self._divide()
        else:
            assert self._sent == len(self.buckets)
            travelling = {id(_gradient(p)) for bucket in self.buckets for p in bucket.parameters}
            all_reduce_mean([tensor for tensor in tensors if id(tensor) not in travelling])
            for bucket in self.buckets:
                bucket.receive()
        self._added, self._sent = {}, 0

    def _note(self, number: int, _parameter: Tensor) -> None:
        self._added[number] = self._added.pop(number, 0) + 1
        if self._added[number] != self._expected.get(number):
            return
        self._bucket_of[number].missing -= 1
        while self._sent < len(self.buckets) and not self.buckets[self._sent].missing:
            self.buckets[self._sent].send()
            self._sent += 1

    def _divide(self) -> None:
        given: list[Any] = [list(self._added.items())]
        dist.broadcast_object_list(given)
        self._expected = dict(given[0])
        group: list[int] = []
        for number in self._expected:
            group.append(number)
            if sum(self._parameters[n].numel() * 4 for n in group) >= self._bucket_bytes:
                self._close(group)
                group = []
        if group:
            self._close(group)

    def _close(self, numbers: Sequence[int]) -> None:
        bucket = Bucket([self._parameters[number] for number in numbers])
        self.buckets.append(bucket)
        self._bucket_of |= dict.fromkeys(numbers, bucket)


def _gradient(parameter: nn.Parameter) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad
