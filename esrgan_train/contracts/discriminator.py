"""A discriminator judges crops by logits, in training mode."""

from __future__ import annotations

import copy

import torch
from torch import nn

from esrgan_train.contracts.part import Part, in_words, is_number_tensor
from esrgan_train.contracts.randomness import shared_randomness_kept


def check_discriminator(discriminator: nn.Module, part: Part, *, gt_size: int) -> None:
    """Let a discriminator that is not this package's judge two crops.

    Args:
        discriminator: on the CPU; a copy is tried.
        part: where it comes from.
        gt_size: side of a crop in pixels.

    Raises:
        UserError: it fails, changes the crops, or its result is no tensor of finite numbers that can be trained.
    """
    if part.is_ours:
        return
    if not any(parameter.requires_grad for parameter in discriminator.parameters()):
        raise part.refusal("it has no weights to train", "give a network with parameters")
    crops = torch.rand(2, 3, gt_size, gt_size, generator=torch.Generator().manual_seed(0))
    before, given = crops.clone(), f"2×3×{gt_size}×{gt_size}"
    network = part.call(copy.deepcopy, discriminator, doing="copying it", remedy="a plain module can be copied")
    with shared_randomness_kept(), torch.enable_grad():
        logits = part.call(
            network.train(),
            crops,
            doing=f"judging {given}",
            remedy="a training crop must do: give another data.gt_size if the size is the reason",
        )
    if not is_number_tensor(logits) or not logits.numel():
        raise part.refusal(f"it makes {in_words(logits)} of {given}", "return one tensor of logits")
    if not logits.isfinite().all():
        raise part.refusal(f"it makes NaN or infinity of {given}", "return finite logits")
    if not logits.requires_grad:
        raise part.refusal("its logits are cut off from its weights", "return them without detach() or no_grad()")
    if not torch.equal(crops, before):
        raise part.refusal("it changes the picture that it is given", "let it work on a copy")
