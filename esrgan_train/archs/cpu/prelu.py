"""A PReLU whose backward pass on a CPU reads its images once."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from esrgan_train.archs.cpu.weight_gradient import is_wanted
from esrgan_train.archs.eager import is_eager


class PReLU(nn.PReLU):
    """``nn.PReLU`` with one slope per channel; its names and first weights are the same."""

    def forward(self, x: Tensor) -> Tensor:
        """Activate: (B, num_parameters, H, W) to the same."""
        return activate(x, self.weight)


def activate(x: Tensor, weight: Tensor) -> Tensor:
    """``F.prelu`` with one slope per channel.

    torch's backward pass is a loop with a branch for each value, and slow where signs follow no pattern. In bf16,
    oneDNN's takes its place; it gives the image the same gradient, bit for bit, and sums the slope's in float32.

    Shape:
        x (B, C, H, W), weight (C,) → (B, C, H, W).
    """
    if takes_onednn(x):
        result: Tensor = _Activate.apply(x, weight)
        return result
    return F.prelu(x, weight)


def takes_onednn(x: Tensor) -> bool:
    """Whether the backward pass of this image goes to oneDNN: bf16 on a CPU that computes it, in eager code."""
    return (
        is_eager()
        and torch.is_grad_enabled()
        and type(x) is Tensor  # one of shapes alone has no oneDNN
        and x.device.type == "cpu"
        and x.dtype == torch.bfloat16
        and x.dim() == 4
        and x.numel() > 0
        and _has_onednn_bf16()
    )


@cache
def _has_onednn_bf16() -> bool:
    """Whether oneDNN has compiled kernels for it: without AVX-512, and on other processors, they are slow."""
    if not torch._C._has_mkldnn or torch.backends.cpu.get_cpu_capability() != "AVX512":
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


class _Activate(torch.autograd.Function):
    """``F.prelu``, with oneDNN's gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        """The plain activation."""
        ctx.save_for_backward(x, weight)
        return F.prelu(x, weight.to(x.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Both gradients; those that will be differentiated again are computed the plain way."""
        x, weight = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph
            return _plain_gradients(ctx, x, weight, gradients[0])
        rows, of_rows = _as_rows(x, like=x), _as_rows(gradients[0], like=x)
        of_x, of_weight = torch.ops.aten._prelu_kernel_backward(
            of_rows.to_mkldnn(), rows.to_mkldnn(), weight.to(x.dtype)
        )
        image = of_x.to_dense()
        if rows.dim() == 2:
            batch, channels, height, width = x.shape
            image = image.view(batch, height, width, channels).permute(0, 3, 1, 2)
        return image, of_weight.to(weight.dtype)


def _as_rows(image: Tensor, *, like: Tensor) -> Tensor:
    """Where ``like`` is channels_last, a matrix of pixels, (B·H·W, C); else the image, channels first.

    oneDNN's own tensors know no channels_last format: it would be copied into another.
    """
    if like.is_contiguous(memory_format=torch.channels_last):
        return image.permute(0, 2, 3, 1).reshape(-1, image.shape[1])
    return image.contiguous()


def _plain_gradients(ctx: Any, x: Tensor, weight: Tensor, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
    wanted = {n: tensor for n, tensor in enumerate((x, weight)) if is_wanted(ctx, n)}
    found = torch.autograd.grad(F.prelu(x, weight.to(x.dtype)), [*wanted.values()], gradient, create_graph=True)
    of = dict(zip(wanted, found, strict=True))
    return of.get(0), of.get(1)
