"""A generator enlarges crops and pictures of any size, a discriminator judges crops by logits."""

from __future__ import annotations

import copy
import logging
from typing import Any

import torch
from lightning.pytorch.utilities.seed import isolate_rng
from torch import Tensor, nn

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.contracts.part import Part, in_words, is_number_tensor, size
from esrgan_train.errors import UserError
from esrgan_train.inference.statements import statement_of

log = logging.getLogger(__name__)

_ENOUGH = 64  # LR pixels a side of a crop; no network of the field is known to need more


def check_generator(generator: nn.Module, part: Part, *, upscale: int, lr_side: int, channels: int = 3) -> None:
    """Let a copy enlarge two crops as training does, and one picture with odd sides twice as validation does.

    Warns if the two results of one picture differ, or if crops are of another size than the network is applied to.

    Args:
        generator: on the CPU.
        part: where it comes from.
        upscale: of the run.
        lr_side: of a training crop, in LR pixels.
        channels: of the pictures.

    Raises:
        UserError: it fails, or its result is not a trainable, finite tensor, (B, channels, h·upscale, w·upscale).
    """
    network = _copy(generator, part, "an averaged copy is trained beside it")
    odd = lr_side + 1 + lr_side % 2
    with isolate_rng(include_cuda=False), torch.enable_grad():
        try:
            sr = _enlarge(network.train(), part, (2, channels, lr_side, lr_side), upscale)
        except UserError as error:
            if (side := _next_side(network, lr_side, channels, upscale)) is None:
                raise
            fault = f"LR crops of {lr_side}×{lr_side} pixels (data.gt_size={lr_side * upscale}) are too small"
            remedy = f"give data.gt_size={side * upscale}, the next that it takes, or a larger one"
            raise part.refusal(fault, remedy) from error
        if not sr.requires_grad:
            raise part.refusal("its result is cut off from its weights", "return it without detach() or no_grad()")
        picture = (1, channels, odd, odd + 2)
        with torch.no_grad():
            first, second = (_enlarge(network.eval(), part, picture, upscale) for _ in range(2))
    if not torch.equal(first, second):
        log.warning(
            "%s makes another picture of the same one each time, also in evaluation mode: previews, scores and "
            "exported models will differ from run to run",
            part,
        )
    stated = statement_of(type(generator))
    if stated is not None and lr_side % stated.multiple:
        below, step = lr_side // stated.multiple, stated.multiple * upscale
        fitting = " or ".join(str(count * step) for count in (below, below + 1) if count)
        log.warning(
            "%s is applied to pictures whose sides are multiples of %d, but LR crops have %d pixels a side: give "
            "data.gt_size=%s",
            *(part, stated.multiple, lr_side, fitting),
        )


def check_discriminator(discriminator: nn.Module, part: Part, *, gt_size: int, channels: int = 3) -> None:
    """Let a copy of a discriminator that is not this package's judge two crops, (2, channels, gt_size, gt_size).

    Raises:
        UserError: it fails, changes the crops, or its results, a tensor or several, are not all trainable and
            finite.
    """
    if isinstance(discriminator, UNetDiscriminatorSN):  # takes every crop of the stream
        return
    network = _copy(discriminator, part, "a plain module can be copied")
    crops = _random(2, channels, gt_size, gt_size)
    before = crops.clone()
    remedy = (
        f"a training crop must do: give another data.gt_size if the size is the reason{_options_for(channels)}"
    )
    with isolate_rng(include_cuda=False), torch.enable_grad():
        outputs = part.call(network.train(), crops, doing=f"judging {size(crops.shape)}", remedy=remedy)
    several = isinstance(outputs, (list, tuple)) and len(outputs) > 0
    for logits in outputs if several else [outputs]:
        _check_result(logits, part, size(crops.shape), "one tensor of floating-point numbers, or a list of such")
        if not logits.requires_grad:
            raise part.refusal(
                "its logits are cut off from its weights", "return them without detach() or no_grad()"
            )
    if not torch.equal(crops, before):
        raise part.refusal("it changes the picture that it is given", "let it work on a copy")


def _next_side(network: nn.Module, side: int, channels: int, upscale: int) -> int | None:
    """The next larger side of crops that it enlarges; None if it takes this one, or none that is larger."""
    for longer in range(side, _ENOUGH + 1):
        try:
            sr = network(_random(2, channels, longer, longer))
        except Exception:  # noqa: BLE001 — a size that it does not take can raise anything
            continue
        wanted = (2, channels, longer * upscale, longer * upscale)
        return longer if longer > side and isinstance(sr, Tensor) and sr.shape == wanted else None
    return None


def _copy(network: nn.Module, part: Part, reason: str) -> nn.Module:
    if not any(parameter.requires_grad for parameter in network.parameters()):
        raise part.refusal("it has no weights to train", "give a network with parameters")
    copied: nn.Module = part.call(copy.deepcopy, network, doing="copying it", remedy=reason)
    return copied


def _enlarge(network: nn.Module, part: Part, shape: tuple[int, int, int, int], upscale: int) -> Tensor:
    given = f"{size(shape)} in {'training' if network.training else 'evaluation'} mode"
    remedy = (
        f"a training crop must do: give another data.gt_size if the size is the reason{_options_for(shape[1])}"
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


def _options_for(channels: int) -> str:
    return ", and options for 3 channels" if channels == 3 else "; give it options for 1 channel, or colour=rgb"


def _run(network: nn.Module, part: Part, images: Tensor, doing: str, given: str, remedy: str) -> Tensor:
    result: Tensor = part.call(network, images, doing=f"{doing} {given}", remedy=remedy)
    _check_result(result, part, given, "one tensor of floating-point numbers")
    return result


def _check_result(result: Any, part: Part, given: str, wanted: str) -> None:
    if not is_number_tensor(result) or not result.numel():
        raise part.refusal(f"it makes {in_words(result)} of {given}", f"return {wanted}")
    if not result.isfinite().all():
        raise part.refusal(f"it makes NaN or infinity of {given}", "fix it, or the weights it starts with")


def _random(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))
