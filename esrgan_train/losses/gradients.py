"""A loss between the slopes of two images."""

from __future__ import annotations

from torch import Tensor, nn


class GradientLoss(nn.Module):
    """The mean absolute difference of the steps from each pixel to the next, across and down.

    Edges that are blurred cost as much as those that are invented; a constant shift costs nothing.

    Source: Mathieu et al., "Deep multi-scale video prediction beyond mean square error", ICLR 2016, with signed
    steps: their absolute values would not tell an edge from its mirror image.

    Shape:
        two (B, C, H, W) around [0, 1] → float32 scalar.
    """

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        difference = sr.float() - hr.float()
        return difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()
