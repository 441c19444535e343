"""A loss turns pictures or logits into a scalar that can be differentiated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn

from esrgan_train.contracts.part import Part, in_words, is_number_tensor
from esrgan_train.training.buffers import Snapshot


def check_image_loss(loss: Callable[..., Any], part: Part, *, gt_size: int, upscale: int) -> None:
    """Try a loss on two pairs of crops, (2, 3, gt_size, gt_size), unless it is this package's and holds a network.

    Raises:
        UserError: it takes what there is not, fails, changes the pictures, or its result is no finite scalar with
            a finite gradient.
    """
    if part.is_ours and getattr(loss, "holds_network", False):
        return
    draw = torch.Generator().manual_seed(0)
    sr = torch.rand(2, 3, gt_size, gt_size, generator=draw) * 1.2 - 0.1  # what a generator makes is not clamped
    target, ema_sr = (torch.rand(2, 3, gt_size, gt_size, generator=draw) for _ in range(2))
    besides = {"lr": torch.rand(2, 3, gt_size // upscale, gt_size // upscale, generator=draw), "ema_sr": ema_sr}
    takes = getattr(loss, "takes", ())
    if unknown := [name for name in takes if name not in besides]:
        raise part.refusal(f"it takes {unknown[0]}", f"takes may name {' and '.join(besides)}")
    buffers = Snapshot(loss.buffers() if isinstance(loss, nn.Module) else ())
    _differentiate(loss, part, "the loss", sr, target, *(besides[name] for name in takes))
    buffers.restore()


def check_adversarial_loss(loss: Any, part: Part) -> None:
    """Try the three terms of an adversarial loss that is not this package's on logits, (2, 1, 8, 8).

    Raises:
        UserError: one is missing or fails, or its result is no finite scalar with a finite gradient.
    """
    if part.is_ours:
        return
    for name in ("generator", "real", "fake"):
        if not callable(getattr(loss, name, None)):
            remedy = "give generator(fake_logits), real(real_logits) and fake(fake_logits)"
            raise part.refusal(f"it has no method {name}", remedy)
        logits = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        _differentiate(getattr(loss, name), part, name, logits)


def _differentiate(loss: Callable[..., Any], part: Part, name: str, first: Tensor, *others: Tensor) -> None:
    first = first.requires_grad_()
    versions = [tensor._version for tensor in (first, *others)]
    remedy = "return a scalar tensor, such as (sr - hr).abs().mean()"
    with isolate_rng(include_cuda=False), torch.enable_grad():
        value = part.call(loss, first, *others, doing=name, remedy=remedy)
        if not is_number_tensor(value) or value.shape:
            raise part.refusal(f"{name} is {in_words(value)}", remedy)
        if not value.isfinite():
            raise part.refusal(f"{name} is {value.item()} for random input", "keep it finite")
        if not value.requires_grad:
            remedy = "compute it with torch, without detach(), item() or numpy()"
            raise part.refusal(f"{name} is cut off from what it judges", remedy)
        (gradient,) = part.call(torch.autograd.grad, value, first, doing=f"differentiating {name}", remedy=remedy)
    if not gradient.isfinite().all():
        raise part.refusal(f"the gradient of {name} is not finite for random input", "keep it finite")
    if [tensor._version for tensor in (first, *others)] != versions:
        raise part.refusal(f"{name} changes what it is given", "let it work on a copy")
