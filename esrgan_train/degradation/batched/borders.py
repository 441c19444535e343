"""Index maps at the borders of images that differ in size on one canvas, and pixels by such maps."""

from __future__ import annotations

import torch
from torch import Tensor


def repeated(canvas: int, lengths: Tensor) -> Tensor:
    """Where an image that is continued by its last pixel has its content, (B, canvas) int64."""
    return torch.minimum(torch.arange(canvas, device=lengths.device), lengths[:, None] - 1)


def mirrored(positions: Tensor, lengths: Tensor) -> Tensor:
    """Where an image that is mirrored at its borders, edge pixels not repeated, has its content.

    Shape:
        positions (n,) or (B, n) and lengths (B,), int64, the latter from 1 on → (B, n), from 0 to length − 1.
    """
    period = (2 * lengths - 2).clamp(min=1)[:, None]
    phase = positions % period
    return torch.minimum(phase, period - phase).minimum(lengths[:, None] - 1)


def inside(heights: Tensor, widths: Tensor, canvas: tuple[int, int]) -> Tensor:
    """The pixels of a canvas that belong to each image, (B, 1, H, W) bool."""
    rows, columns = (torch.arange(side, device=heights.device) for side in canvas)
    return ((rows < heights[:, None])[:, :, None] & (columns < widths[:, None])[:, None, :])[:, None]


def taken(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Pixels by each image's own rows and columns: (B, C, H, W), (B, h) and (B, w) to (B, C, h, w)."""
    batch, channels = images.shape[:2]
    each = torch.arange(batch, device=images.device).view(-1, 1, 1, 1)
    channel = torch.arange(channels, device=images.device).view(1, -1, 1, 1)
    return images[each, channel, rows[:, None, :, None], columns[:, None, None, :]]


def rows_taken(images: Tensor, rows: Tensor) -> Tensor:
    """Whole rows: (B, C, H, W) and (B, h) to (B, C, h, W)."""
    return images.gather(2, rows[:, None, :, None].expand(-1, images.shape[1], -1, images.shape[3]))


def columns_taken(images: Tensor, columns: Tensor) -> Tensor:
    """Whole columns: (B, C, H, W) and (B, w) to (B, C, H, w)."""
    return images.gather(3, columns[:, None, None, :].expand(-1, images.shape[1], images.shape[2], -1))
