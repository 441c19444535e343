"""The luma of a batch of images."""

from __future__ import annotations

from torch import Tensor


def luma(images: Tensor) -> Tensor:
    """BT.601's: (B, 3, H, W) RGB to (B, 1, H, W)."""
    red, green, blue = images.chunk(3, dim=1)
    return (0.299 * red).add_(green, alpha=0.587).add_(blue, alpha=0.114)
