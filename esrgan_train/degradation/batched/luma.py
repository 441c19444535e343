"""The luma of a batch of images."""

from __future__ import annotations

from torch import Tensor

from esrgan_train.images.colour import BT601


def luma(images: Tensor) -> Tensor:
    """BT.601's: (B, 3, H, W) RGB to (B, 1, H, W)."""
    red, green, blue = images.chunk(3, dim=1)
    return (BT601[0] * red).add_(green, alpha=BT601[1]).add_(blue, alpha=BT601[2])
