"""Bicubic enlargement, the baseline that every model is compared with."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

REACH = 2  # LR pixels around one that its enlargement depends on


def enlarge_bicubic(lr: Tensor, upscale: int) -> Tensor:
    """(B, C, h, w) to (B, C, h·upscale, w·upscale); a = −0.75, not clamped: it overshoots."""
    return F.interpolate(lr, scale_factor=float(upscale), mode="bicubic")
