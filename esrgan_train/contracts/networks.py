"""A generator enlarges crops and pictures of any size, a discriminator judges crops by logits."""

from __future__ import annotations

import copy
import logging

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn

from esrgan_train.contracts.part import Part, in_words, is_number_tensor, size

log = logging.getLogger(__name__)


def check_generator(generator: nn.Module, part: Part, *, upscale: int, lr_side: int) -> None:
    """Let a copy enlarge two crops as training does, and one picture with odd sides twice as validation does.

    Warns if the two results of one picture differ.

    Args:
        generator: on the CPU.
        part: where it comes from.
        upscale: of the run.
        lr_side: of a training crop, in LR pixels.

    Raises:
        UserError: it fails, or its result is not a trainable, finite tensor, (B, 3, h·upscale, w·upscale).
    """
    network = _copy(generator, part, "an averaged copy is trained beside it")
    odd = lr_side + 1 + lr_side % 2
    with isolate_rng(include_cuda=False), torch.enable_grad():
        sr = _enlarge(network.train(), part, (2, 3, lr_side, lr_side), upscale)
        if not sr.requires_grad:
            raise part.refusal("its result is cut off from its weights", "return it without detach() or no_grad()")
        picture = (1, 3, odd, odd + 2)
        with torch.no_grad():
            first, second = (_enlarge(network.eval(), part, picture, upscale) for _ in range(2))
    if not torch.equal(first, second):
        log.warning(
            "%s makes another picture of the same one each time, also in evaluation mode: previews, scores and "
            "exported models will differ from run to run",
            part,
        )


def check_discriminator(discriminator: nn.Module, part: Part, *, gt_size: int) -> None:
    """Let a copy of a discriminator that is not this package's judge two crops, (2, 3, gt_size, gt_size).

    Raises:
        UserError: it fails, changes the crops, or its result is not a trainable tensor of finite numbers.
    """
    if part.is_ours:
        return
    network = _copy(discriminator, part, "a plain module can be copied")
    crops = _random(2, 3, gt_size, gt_size)
    before = crops.clone()
    remedy = "a training crop must do: give another data.gt_size if the size is the reason"
    with isolate_rng(include_cuda=False), torch.enable_grad():
        logits = _run(network.train(), part, crops, "judging", size(crops.shape), remedy)
    if not logits.requires_grad:
        raise part.refusal("its logits are cut off from its weights", "return them without detach() or no_grad()")
    if not torch.equal(crops, before):
        raise part.refusal("it changes the picture that it is given", "let it work on a copy")


def _copy(network: nn.Module, part: Part, reason: str) -> nn.Module:
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise part.refusal("it has no weights to train", "give a network with parameters")
    copied: nn.Module = part.call(copy.deepcopy, network, doing="copying it", remedy=reason)
    return copied


def _enlarge(network: nn.Module, part: Part, shape: tuple[int, int, int, int], upscale: int) -> Tensor:
    given = f"{size(shape)} in {'training' if network.training else 'evaluation'} mode"
    remedy = (
        "a training crop must do: give another data.gt_size if the size is the reason, and options for 3 channels"
        if network.training
        else "validation takes photos of any size: let it pad what it needs and cut it off again"
    )
    sr = _run(network, part, _random(*shape), "enlarging", given, remedy)
    wanted = (*shape[:2], shape[2] * upscale, shape[3] * upscale)
    if sr.shape != wanted:
        if network.training:
            remedy = "bind its scale to ${upscale}, or give another upscale"
        fault = f"it makes {size(sr.shape)} of {given}, but upscale={upscale} needs {size(wanted)}"
        raise part.refusal(fault, remedy)
    return sr


def _run(network: nn.Module, part: Part, images: Tensor, doing: str, given: str, remedy: str) -> Tensor:
    result = part.call(network, images, doing=f"{doing} {given}", remedy=remedy)
    if not is_number_tensor(result) or not result.numel():
        remedy = "return one tensor of floating-point numbers"
        raise part.refusal(f"it makes {in_words(result)} of {given}", remedy)
    if not result.isfinite().all():
        raise part.refusal(f"it makes NaN or infinity of {given}", "fix it, or the weights it starts with")
    return result  # type: ignore[no-any-return]


def _random(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))
