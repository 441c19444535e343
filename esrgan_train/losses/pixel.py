"""Pixel losses that PyTorch does not have; L1 is ``torch.nn.L1Loss``."""

from __future__ import annotations

from typing import Annotated

import torch
from annotated_types import Gt
from torch import Tensor, nn

from esrgan_train.bounds import Wanted, bounded


class CharbonnierLoss(nn.Module):
    """The mean of sqrt((sr − hr)² + eps), a smooth L1 distance.

    Source: Lai et al., "Deep Laplacian Pyramid Networks for Fast and Accurate Super-Resolution", CVPR 2017.

    Args:
        eps: the square of the error below which the loss is flat; at 0 the gradient of equal images would be NaN.

    Shape:
        two equal shapes, values around [0, 1] → float32 scalar.
    """

    @bounded
    def __init__(self, *, eps: Annotated[float, Gt(0), Wanted("such as 1e-12")] = 1e-12) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return torch.sqrt((sr.float() - hr.float()).square() + self.eps).mean()
