"""Small pictures for the losses."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def picture_and_copy(side: int = 32) -> tuple[Tensor, Tensor]:
    """A noisy copy and a smooth colourful picture, two (2, 3, side, side) in about [0, 1]."""
    draw = torch.Generator().manual_seed(side)
    hr = F.interpolate(torch.rand(2, 3, 8, 8, generator=draw), size=(side, side), mode="bicubic").clamp(0, 1)
    return hr + 0.05 * torch.randn(hr.shape, generator=draw), hr
