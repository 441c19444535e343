"""Signs of trouble in training, as scalars on the device."""

from __future__ import annotations

import torch
from torch import Tensor

CLIP_TOLERANCE = 1 / 255  # one 8-bit level: less than that past black or white is rounding, not a fault


def generator_signs(sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
    """How far generated images, (B, C, H, W) and not clamped, are from pictures.

    ``colour_shift`` is the largest distance between the mean of a channel and that of ``hr``, ``clipped`` the
    share of values that clamping to [0, 1] would move by more than one 8-bit level.
    """
    values = sr.detach().float()
    outside = values - values.clamp(-CLIP_TOLERANCE, 1 + CLIP_TOLERANCE)
    return {
        "colour_shift": (values - hr.float()).mean(dim=(0, 2, 3)).abs().amax(),
        "clipped": outside.sign().abs().mean(),  # comparisons are slow on a CPU
    }


def discriminator_signs(real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
    """Mean logits on real and generated images, and the share of pixels judged correctly (0.5 is guessing)."""
    real, fake = real_logits.detach(), fake_logits.detach()
    correct = torch.cat([(real > 0).flatten(), (fake < 0).flatten()])
    return {
        "real_score": real.mean(),
        "fake_score": fake.mean(),
        "real_accuracy": (real > 0).float().mean(),
        "fake_accuracy": (fake < 0).float().mean(),
        "accuracy": correct.float().mean(),
    }
