"""Operations that a format lacks, replaced by equal ones while a network is recorded for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Operation = Callable[..., Any]


class Rewritten(nn.Module):
    """A network in whose forward pass some of torch's functions are replaced.

    Args:
        network: is called as before; whatever part of it calls such a function gets the other.
        instead: what is called in the place of each.
    """

    def __init__(self, network: nn.Module, instead: Mapping[Operation, Operation]) -> None:
        super().__init__()
        self.network = network
        self.instead = instead

    def forward(self, lr: Tensor) -> Tensor:
        """The network's output."""
        with _Instead(self.instead):
            sr: Tensor = self.network(lr)
        return sr


class _Instead(TorchFunctionMode):
    def __init__(self, instead: Mapping[Operation, Operation]) -> None:
        super().__init__()
        self.instead = instead

    def __torch_function__(
        self, func: Operation, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return self.instead.get(func, func)(*args, **(kwargs or {}))


def max_pool_to(x: Tensor, output_size: int | Sequence[int], *, return_indices: bool = False) -> Tensor:
    """``F.adaptive_max_pool2d`` for sizes that are unknown until the model runs.

    Each window, [⌊i·h/n⌋, ⌈(i+1)·h/n⌉) of n, is gathered in equal lengths, its last value repeated.

    Shape:
        (B, C, H, W) → (B, C, h, w) of that size.
    """
    assert not return_indices, "torch has another function for that"
    rows, columns = (output_size, output_size) if isinstance(output_size, int) else output_size
    return _max_of_parts(_max_of_parts(x, 2, rows), 3, columns)


def repeat_channels(x: Tensor, repeats: int, dim: int) -> Tensor:
    """``torch.repeat_interleave`` of channels, each as a slice that is joined several times.

    Shape:
        (B, C, H, W) → (B, C·repeats, H, W)
    """
    if dim != 1 or not isinstance(repeats, int):
        raise NotImplementedError(f"repeat_interleave of {repeats} along dim={dim}")
    return torch.cat([x[:, c : c + 1] for c in range(x.shape[1]) for _ in range(repeats)], dim=1)


def _max_of_parts(x: Tensor, axis: int, parts: int) -> Tensor:
    length, part = x.shape[axis], torch.arange(parts, device=x.device)
    first, end = part * length // parts, ((part + 1) * length + parts - 1) // parts
    widest = (length + parts - 1) // parts + 1
    place = torch.minimum(first[:, None] + torch.arange(widest, device=x.device), end[:, None] - 1)
    shape = (*x.shape[:axis], parts, widest, *x.shape[axis + 1 :])
    return x.index_select(axis, place.flatten()).reshape(shape).amax(axis + 1)


def prelu(x: Tensor, weight: Tensor) -> Tensor:
    """``F.prelu`` as the sum of two rectified parts.

    Shape:
        x (B, C, H, W), weight (C,) or (1,) → (B, C, H, W)
    """
    return F.relu(x) - weight.reshape(1, -1, 1, 1) * F.relu(-x)


def pixel_shuffle(x: Tensor, upscale_factor: int) -> Tensor:
    """``F.pixel_shuffle`` as a permutation of axes.

    Shape:
        (B, C·s², H, W) → (B, C, H·s, W·s)
    """
    batch, channels, height, width = x.shape
    scale = upscale_factor
    phases = x.reshape(batch, channels // scale**2, scale, scale, height, width)
    return phases.permute(0, 1, 4, 2, 5, 3).reshape(batch, channels // scale**2, height * scale, width * scale)


def clamp(x: Tensor, low: float, high: float) -> Tensor:
    """``torch.clamp`` as the larger, then the smaller, of two numbers."""
    return torch.minimum(torch.maximum(x, x.new_tensor(low)), x.new_tensor(high))


# What a program may lack, by the names that targets use.
REWRITES: Mapping[str, Mapping[Operation, Operation]] = {
    "prelu": {F.prelu: prelu},
    "pixel_shuffle": {F.pixel_shuffle: pixel_shuffle},
}
# ONNX has no pooling to a size. ncnn has no repetition of single channels, and upscalers built on it leave its
# Clip out of their build.
FOR_ONNX: Mapping[Operation, Operation] = {F.adaptive_max_pool2d: max_pool_to}
FOR_NCNN: Mapping[Operation, Operation] = {torch.repeat_interleave: repeat_channels, torch.clamp: clamp}
