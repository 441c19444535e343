"""A loss turns pictures or logits into a scalar that can be differentiated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn

from esrgan_train.contracts.part import Part, in_words, is_number_tensor
from esrgan_train.training.buffers import Snapshot
from esrgan_train.training.judge import is_relative


def check_image_loss(
    loss: Callable[..., Any], part: Part, *, gt_size: int, upscale: int, channels: int = 3
) -> None:
    """Try a loss on two pairs of crops, unless it is this package's and holds a network.

    Args:
        loss: (sr, target), both (2, channels, gt_size, gt_size), and what it ``takes`` besides → scalar.
        part: where it comes from.
        gt_size: side of the crops, in pixels.
        upscale: of the run.
        channels: of the pictures.

    Raises:
        UserError: it takes what there is not, fails, changes the pictures, or its result is no finite scalar with
            a finite gradient.
    """
    if channels == 1 and getattr(loss, "needs_colour", False):
        name = part.option.split(".")[1]
        raise part.refusal("it compares colours, and pictures of one channel have none", f"leave loss.{name} out")
    if part.is_ours and getattr(loss, "holds_network", False):
        return
    draw = torch.Generator().manual_seed(0)
    crops = (2, channels, gt_size, gt_size)
    sr = torch.rand(crops, generator=draw) * 1.2 - 0.1  # what a generator makes is not clamped
    target, ema_sr = (torch.rand(crops, generator=draw) for _ in range(2))
    lr = torch.rand(2, channels, gt_size // upscale, gt_size // upscale, generator=draw)
    besides = {"lr": lr, "ema_sr": ema_sr, "teacher_sr": torch.rand(crops, generator=draw)}
    takes = getattr(loss, "takes", ())
    if unknown := [name for name in takes if name not in besides]:
        raise part.refusal(f"it takes {unknown[0]}", f"takes may name {', '.join(besides)}")
    buffers = Snapshot(loss.buffers() if isinstance(loss, nn.Module) else ())
    _differentiate(loss, part, "the loss", sr, target, *(besides[name] for name in takes))
    buffers.restore()


def check_adversarial_loss(loss: Any, part: Part, *, accumulate: int = 1) -> None:
    """Try the three terms of an adversarial loss that is not this package's on logits, (2, 1, 8, 8).

    Raises:
        UserError: one is missing or fails, or its result is no finite scalar with a finite gradient; or it needs
            the whole batch, of which the networks see a part at a time.
    """
    relative = is_relative(loss)
    if relative and accumulate > 1:
        raise part.refusal(
            f"it compares with the mean of the whole batch, and training.accumulate={accumulate} divides that",
            "give training.accumulate=1, and a data.batch_size that fits",
        )
    if part.is_ours:
        return
    for name in ("generator", "real", "fake"):
        if not callable(getattr(loss, name, None)):
            remedy = "give generator(fake_logits), real(real_logits) and fake(fake_logits)"
            raise part.refusal(f"it has no method {name}", remedy)
        draw = torch.Generator().manual_seed(0)
        logits = [torch.randn(2, 1, 8, 8, generator=draw) for _ in range(2 if relative else 1)]
        _differentiate(getattr(loss, name), part, name, *logits)


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
