"""A loss for errors that repeat with every LR pixel."""

from __future__ import annotations

from typing import Annotated

import torch.nn.functional as F
from annotated_types import Ge
from torch import Tensor, nn

from esrgan_train.bounds import Wanted, bounded

Window = Annotated[int, Ge(1), Wanted("LR pixels a side, such as 4")]


class GridLoss(nn.Module):
    """How unlike each other the mean errors at the s × s places in an LR pixel are: combs and checkerboards.

    A generator that ends in a pixel shuffle draws each of these places with channels of its own, and nothing but
    its losses makes them agree. In the mean over a window the errors of detail, which are of either sign, vanish,
    and what repeats stays.

    Args:
        window: side of the windows, in LR pixels.

    Shape:
        sr (B, C, h·s, w·s) around [0, 1], its target of the same shape, lr (B, C, h, w) with h and w at least
        ``window`` → float32 scalar.

    Raises:
        ValueError: the crops are smaller than a window, or s is 1.
    """

    takes = ("lr",)  # after the target, see ``Term``

    @bounded
    def __init__(self, *, window: Window = 4) -> None:
        super().__init__()
        self.window = window

    def forward(self, sr: Tensor, hr: Tensor, lr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        height, width = lr.shape[-2:]
        if min(height, width) < self.window:
            raise ValueError(f"windows of {self.window} LR pixels do not fit into crops of {width}×{height}")
        scale = sr.shape[-1] // width
        if scale == 1:
            raise ValueError("at ×1 an LR pixel is one pixel: nothing in it can repeat")
        places = F.pixel_unshuffle(sr.float() - hr.float(), scale)
        means = F.avg_pool2d(places, self.window, stride=1)
        of_a_pixel = means.reshape(means.shape[0], -1, scale * scale, *means.shape[-2:])
        return (of_a_pixel - of_a_pixel.mean(dim=2, keepdim=True)).abs().mean()
