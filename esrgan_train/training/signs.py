"""Signs of trouble in training, as scalars on the device."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

CLIP_TOLERANCE = 1 / 255  # one 8-bit level: less than that past black or white is rounding, not a fault


def colour_shift(sr: Tensor, hr: Tensor) -> Tensor:
    """How far the mean colour of ``sr`` is from that of ``hr``: the largest channel's distance, in [0, 1].

    Args:
        sr: (B, C, H, W) in [0, 1].
        hr: the same shape.
    """
    return (sr.detach().float() - hr.float()).mean(dim=(0, 2, 3)).abs().amax()


def clipped_share(sr: Tensor) -> Tensor:
    """The share of values of ``sr``, in [0, 1], that clamping to [0, 1] would move by more than one 8-bit level.

    Args:
        sr: (B, C, H, W), not clamped.
    """
    values = sr.detach().float()
    return ((values < -CLIP_TOLERANCE) | (values > 1 + CLIP_TOLERANCE)).float().mean()


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


def generator_signs(sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
    """What the generated images, (B, C, H, W), say about the generator that made them."""
    return {"colour_shift": colour_shift(sr, hr), "clipped": clipped_share(sr)}


def spans_above(
    steps: Iterable[int], values: Iterable[float], *, limit: float, patience: int
) -> list[tuple[int, int]]:
    """The stretches in which every reading lies above ``limit``, from first to last reading, in iterations.

    Stretches shorter than ``patience`` are left out: one bad batch is no trouble. NaN ends a stretch.
    """
    spans: list[tuple[int, int]] = []
    start: int | None = None
    last = 0
    for step, value in zip(steps, values, strict=True):
        if value > limit:
            start = step if start is None else start
            last = step
        elif start is not None:
            spans.append((start, last))
            start = None
    if start is not None:
        spans.append((start, last))
    return [(first, end) for first, end in spans if end - first >= patience]
