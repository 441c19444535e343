"""A generator enlarges crops in training mode and pictures of any size in evaluation mode."""

from __future__ import annotations

import copy
import logging

import torch
from torch import Tensor, nn

from esrgan_train.contracts.part import Part, in_words, is_number_tensor
from esrgan_train.contracts.randomness import shared_randomness_kept

log = logging.getLogger(__name__)


def check_generator(generator: nn.Module, part: Part, *, upscale: int, lr_side: int) -> None:
    """Enlarge two crops as training does, and one picture with odd sides twice as validation does.

    Warns if the two results of one picture differ.

    Args:
        generator: on the CPU; a copy is tried.
        part: where it comes from.
        upscale: of the run.
        lr_side: of a training crop, in LR pixels.

    Raises:
        UserError: it fails, or its result is no (B, 3, h·upscale, w·upscale) tensor of finite numbers that can
            be trained.
    """
    if not any(parameter.requires_grad for parameter in generator.parameters()):
        raise part.refusal("it has no weights to train", "give a network with parameters")
    network = part.call(
        copy.deepcopy, generator, doing="copying it", remedy="an averaged copy is trained beside it"
    )
    odd = lr_side + 1 + lr_side % 2
    with shared_randomness_kept(), torch.enable_grad():
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


def _enlarge(network: nn.Module, part: Part, size: tuple[int, int, int, int], upscale: int) -> Tensor:
    mode = "training" if network.training else "evaluation"
    given = f"{'×'.join(map(str, size))} in {mode} mode"
    remedy = (
        "a training crop must do: give another data.gt_size if the size is the reason, and options for 3 channels"
        if network.training
        else "validation takes photos of any size: let it pad what it needs and cut it off again"
    )
    lr = torch.rand(size, generator=torch.Generator().manual_seed(0))
    sr = part.call(network, lr, doing=f"enlarging {given}", remedy=remedy)
    wanted = (*size[:2], size[2] * upscale, size[3] * upscale)
    if not is_number_tensor(sr):
        raise part.refusal(f"it makes {in_words(sr)} of {given}", "return one tensor of floating-point numbers")
    if sr.shape != wanted:
        if network.training:
            remedy = "bind its scale to ${upscale}, or give another upscale"
        raise part.refusal(
            f"it makes {'×'.join(map(str, sr.shape))} of {given}, but upscale={upscale} wants "
            f"{'×'.join(map(str, wanted))}",
            remedy,
        )
    if not sr.isfinite().all():
        raise part.refusal(f"it makes NaN or infinity of {given}", "correct it, or the weights it starts with")
    return sr  # type: ignore[no-any-return]
