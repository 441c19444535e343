"""What it costs to sharpen and degrade a sample on the training device, counted while torch does it."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves
from torch.utils.data import default_collate

from benchmarks.costs import Counted
from benchmarks.samples import device_rendering
from esrgan_train.data.window import Window


class Rendering(NamedTuple):
    """Of the published degradation and USM.

    Attributes:
        flops: in matrix products, of a sample.
        bytes: read or written by all operations that are not views, of a sample.
        kernels: that a batch starts, whatever its size.
    """

    flops: float
    bytes: float
    kernels: int


class _Moved(Counted):  # type: ignore[no-untyped-call]  # torch's has no types
    """Counts bytes and operations too: unlike networks', these tensors have many types."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = self.operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = super().__torch_dispatch__(func, types, args, kwargs)
        if func.namespace == "aten" and not func.is_view and "empty" not in func.__name__:
            tensors = (leaf for leaf in tree_leaves((args, kwargs or {}, out)) if isinstance(leaf, Tensor))
            self.bytes += sum(tensor.nbytes for tensor in tensors)
            self.operations += 1
        return out


@cache
def rendering_cost(*, gt_size: int, upscale: int) -> Rendering:
    """What two samples cost more than one is a sample's."""
    rendering = device_rendering(gt_size=gt_size, upscale=upscale)
    make = rendering.on(torch.device("cpu"))
    side = Window(gt_size, upscale).side
    window = np.zeros((side, side, 3), np.uint8)

    def count(batch_size: int) -> _Moved:
        drawn = [rendering.draw(window, (0, 0), np.random.default_rng(n)) for n in range(batch_size)]
        counted = _Moved()
        with counted:
            make(default_collate(drawn))
        return counted

    one, two = count(1), count(2)
    return Rendering(two.flops - one.flops, two.bytes - one.bytes, one.operations)
