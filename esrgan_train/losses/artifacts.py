"""A loss where a generator's output looks like an artifact rather than detail."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, Predicate
from torch import Tensor, nn

from esrgan_train.bounds import Wanted, bounded

Odd = Annotated[int, Ge(3), Predicate(lambda size: size % 2 == 1), Wanted("an odd number of pixels, such as 7")]


class ArtifactLoss(nn.Module):
    """The mean absolute error, weighted by how likely a pixel is an artifact (LDL).

    A pixel's weight is the variance of the error around it times the fifth root of the whole image's, and 0 where
    the averaged generator is further from the target: its output changes slowly, so what it does better was
    made up lately. Weights take no gradient.

    Source: Liang et al., "Details or Artifacts: A Locally Discriminative Learning Approach to Realistic Image
    Super-Resolution", CVPR 2022.

    Args:
        window: side of the square in which the variance is measured, in pixels.

    Shape:
        sr, its target and ema_sr, the averaged generator's output, all (B, C, H, W) around [0, 1], H and W above
        half of ``window`` → float32 scalar.
    """

    takes = ("ema_sr",)  # after the target, see ``Term``

    @bounded
    def __init__(self, *, window: Odd = 7) -> None:
        super().__init__()
        self.window = window

    def forward(self, sr: Tensor, hr: Tensor, ema_sr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        sr, hr = sr.float(), hr.float()
        return (self.weights(sr.detach(), hr, ema_sr.float()) * (sr - hr).abs()).mean()

    @torch.no_grad()
    def weights(self, sr: Tensor, hr: Tensor, ema_sr: Tensor) -> Tensor:
        """The weight of each pixel, (B, 1, H, W)."""
        error, averaged = ((image - hr).abs().sum(dim=1, keepdim=True) for image in (sr, ema_sr))
        whole = error.var(dim=(1, 2, 3), keepdim=True).pow(0.2)
        return torch.where(error < averaged, 0.0, whole * self._local_variance(error))

    def _local_variance(self, error: Tensor) -> Tensor:
        """Unbiased variance in the window around each pixel; the border is mirrored."""
        side, count = self.window, self.window**2
        # Around the image's mean, so that the difference of large squares keeps its digits.
        padded = F.pad(error - error.mean(dim=(2, 3), keepdim=True), [side // 2] * 4, mode="reflect")
        mean = F.avg_pool2d(padded, side, stride=1)
        square = F.avg_pool2d(padded.square(), side, stride=1)
        return (square - mean.square()).clamp(min=0) * (count / (count - 1))
