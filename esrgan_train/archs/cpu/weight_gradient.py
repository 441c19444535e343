"""A convolution that computes its weight's gradient in the memory format in which that is fast."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Conv3x3(nn.Conv2d):
    """A 3×3 convolution with bias that keeps the size; its names and first weights are ``nn.Conv2d``'s."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve: (B, in_channels, H, W) → (B, out_channels, H, W)."""
        return convolve(x, self.weight, self.bias, stride=1)


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int) -> Tensor:
    """``conv2d`` with one pixel of zero padding.

    On a processor without AVX-512, channels_last makes the forward pass and the image's gradient faster, but the
    weight's gradient two to three times slower: that one alone is computed channels first.
    """
    if prefers_channels_first(x):
        result: Tensor = _Convolve.apply(x, weight, bias, stride)
        return result
    return F.conv2d(x, weight, bias, stride, padding=1)


def prefers_channels_first(x: Tensor) -> bool:
    """Whether the weight's gradient for this image is faster channels first, though the image is not."""
    return (
        torch.is_grad_enabled()
        and is_channels_last_on_cpu(x)
        and torch.backends.cpu.get_cpu_capability() == "AVX2"
    )


def is_channels_last_on_cpu(x: Tensor) -> bool:
    """Whether this is a float32 image on a CPU in channels_last format, in eager code."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and x.is_contiguous(memory_format=torch.channels_last)
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


def is_wanted(ctx: Any, argument: int) -> bool:
    """Whether the running backward pass needs the gradient of this tensor argument of an autograd function.

    ``ctx.needs_input_grad`` only says whether it requires one at all: it stays true when ``torch.autograd.grad``
    asks for another input alone.
    """
    if not ctx.needs_input_grad[argument]:
        return False
    node = ctx.next_functions[argument][0]
    return hasattr(node, "variable") or torch._C._will_engine_execute_node(node)  # a leaf cannot be asked


class _Convolve(torch.autograd.Function):
    """``conv2d``, with the image's gradient in its own memory format and the weight's channels first."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
        """The plain convolution."""
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return F.conv2d(x, weight, bias, stride, padding=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        """The gradients that the running backward pass needs; they are differentiable themselves."""
        x, weight = ctx.saved_tensors
        gradient = gradients[0]
        of_x = of_weight = of_bias = None
        if is_wanted(ctx, 0):
            of_x = _gradients(gradient, x, weight, ctx.stride, (True, False))[0]
        if is_wanted(ctx, 1):
            first = gradient.contiguous(), x.contiguous(), weight.contiguous()
            of_weight = _gradients(*first, ctx.stride, (False, True))[1]
        if is_wanted(ctx, 2):
            of_bias = gradient.sum((0, 2, 3))
        return of_x, of_weight, of_bias, None


def _gradients(
    gradient: Tensor, x: Tensor, weight: Tensor, stride: int, wanted: tuple[bool, bool]
) -> list[Tensor]:
    found: list[Tensor] = torch.ops.aten.convolution_backward(
        gradient, x, weight, None, [stride] * 2, [1, 1], [1, 1], False, [0, 0], 1, [*wanted, False]
    )
    return found
