"""Signs of how the two players fare, as scalars on the device."""

from __future__ import annotations

import torch
from torch import Tensor


def colour_shift(sr: Tensor, hr: Tensor) -> Tensor:
    """How far the mean colour of ``sr`` is from that of ``hr``: the largest channel's distance, in [0, 1].

    Args:
        sr: (B, C, H, W) in [0, 1].
        hr: the same shape.
    """
    return (sr.detach().float() - hr.float()).mean(dim=(0, 2, 3)).abs().amax()


def discriminator_signs(real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
    """Mean logits on real and generated images, and the share of pixels judged rightly (0.5 is guessing)."""
    real, fake = real_logits.detach(), fake_logits.detach()
    right = torch.cat([(real > 0).flatten(), (fake < 0).flatten()])
    return {"d_real_score": real.mean(), "d_fake_score": fake.mean(), "d_accuracy": right.float().mean()}


def generator_signs(sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
    """What the generated images, (B, C, H, W), say about the generator that made them."""
    return {"colour_shift": colour_shift(sr, hr)}
