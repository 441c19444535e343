"""Pixel losses that PyTorch does not have; L1 is ``torch.nn.L1Loss``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from esrgan_train.errors import UserError


def charbonnier(sr: Tensor, hr: Tensor, *, eps: float = 1e-12) -> Tensor:
    """Return the mean of sqrt((sr − hr)² + eps), a smooth L1 distance.

    Source: Lai et al., "Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution", CVPR 2017.

    Shape:
        two equal shapes, values around [0, 1] → scalar.
    """
    return torch.sqrt((sr - hr).square() + eps).mean()


class CharbonnierLoss(nn.Module):
    """``charbonnier`` as a module.

    Args:
        eps: above 0; the square of the error below which the loss is flat.

    Raises:
        UserError: eps is not above 0, where the gradient of equal images would be NaN.
    """

    def __init__(self, *, eps: float = 1e-12) -> None:
        super().__init__()
        if not eps > 0:
            raise UserError(f"loss.pixel.function.eps={eps} is not possible: give a number above 0, such as 1e-12")
        self.eps = eps

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return charbonnier(sr, hr, eps=self.eps)
