"""Index maps beyond the borders of images that differ in size on one canvas."""

from __future__ import annotations

import torch
from torch import Tensor


def mirrored(positions: Tensor, lengths: Tensor) -> Tensor:
    """Where an image that is mirrored at its borders, edge pixels not repeated, has its content.

    Shape:
        positions (n,) and lengths (B,), both int64, the latter from 1 on → (B, n), from 0 to length − 1.
    """
    period = (2 * lengths - 2).clamp(min=1)[:, None]
    phase = positions % period
    return torch.minimum(phase, period - phase).minimum(lengths[:, None] - 1)


def taken(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Pixels by each image's own rows and columns: (B, C, H, W), (B, h) and (B, w) to (B, C, h, w)."""
    batch, channels = images.shape[:2]
    each = torch.arange(batch, device=images.device).view(-1, 1, 1, 1)
    channel = torch.arange(channels, device=images.device).view(1, -1, 1, 1)
    return images[each, channel, rows[:, None, :, None], columns[:, None, None, :]]
