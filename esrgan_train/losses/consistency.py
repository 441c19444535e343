"""A loss between the reduced output and the input it was made from."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class ConsistencyLoss(nn.Module):
    """The mean absolute difference between the output, reduced by anti-aliased bicubic filtering, and the input.

    For inputs that are clean reductions (``degradation=bicubic``, or pairs of that kind): others carry noise and
    traces of JPEG, which it would ask the network to keep.

    Shape:
        sr (B, C, h·s, w·s) around [0, 1], its target (not used), lr (B, C, h, w) → float32 scalar.
    """

    takes = ("lr",)  # after the target, see ``Term``

    def forward(self, sr: Tensor, hr: Tensor, lr: Tensor) -> Tensor:  # noqa: ARG002 — every loss gets its target
        """Return the loss, a scalar."""
        reduced = F.interpolate(sr.float(), size=lr.shape[-2:], mode="bicubic", antialias=True)
        return (reduced - lr.float()).abs().mean()
