"""Talking to the other processes of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from esrgan_train.errors import RunError


def are_several() -> bool:
    """Whether this run has more than one process."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


@contextmanager
def expecting_all() -> Iterator[None]:
    """Turn the failure of a collective operation into one line: it fails when another process has ended."""
    try:
        yield
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise RunError(
            f"another process of this run has ended, so this one cannot go on ({reason}): see its last lines"
        ) from error


def sum_over_all(tensor: Tensor) -> None:
    """Replace ``tensor`` by its sum over all processes."""
    with expecting_all():
        dist.all_reduce(tensor)


def gather_objects(value: Any) -> list[Any]:
    """What every process passes, by rank; just ``[value]`` in a run of one process."""
    if not are_several():
        return [value]
    gathered: list[Any] = [None] * dist.get_world_size()
    with expecting_all():
        dist.all_gather_object(gathered, value)
    return gathered


class Agreement:
    """A number that the processes agree on from iteration to iteration: the largest any of them passed.

    The exchange runs on the hosts, beside training, and its result is taken one call later, so that nothing
    waits: neither this process for the others nor a host for its GPU.
    """

    def __init__(self) -> None:
        self._group: Any = dist.new_group(backend="gloo") if are_several() else None
        self._value: Tensor | None = None
        self._work: Any = None

    def exchange(self, value: int) -> int:
        """Pass ``value``; the largest that was passed in the previous call, or 0. At once in a single process."""
        if self._group is None:
            return value
        agreed = 0
        with expecting_all():
            if self._work is not None:
                self._work.wait()
                assert self._value is not None
                agreed = int(self._value.item())
            self._value = torch.tensor([value])
            self._work = dist.all_reduce(self._value, op=dist.ReduceOp.MAX, group=self._group, async_op=True)
        return agreed
