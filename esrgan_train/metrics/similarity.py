"""What structural similarity is computed from: means and variances in Gaussian windows of 11×11 pixels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SSIM_WINDOW = 11  # pixels a side
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2  # keep the quotients of images in [0, 255] finite
_SIGMA = 1.5
_GRAY = 127.5


def moments(sr: Tensor, hr: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Both means, the covariance, and the sum of both variances, of each window that lies inside the images.

    Shape:
        two (B, C, H, W) float32 in [0, 255] → four (B, C, H − 10, W − 10).
    """
    sr, hr = sr - _GRAY, hr - _GRAY  # variances stay the same, and their differences of squares keep more digits
    maps = torch.stack([sr, hr, sr.square(), hr.square(), sr * hr])
    sr_mean, hr_mean, sr_square, hr_square, product = _blurred(maps).unbind()
    covariance = product - sr_mean * hr_mean
    variances = sr_square + hr_square - sr_mean.square() - hr_mean.square()
    return sr_mean + _GRAY, hr_mean + _GRAY, covariance, variances


def _blurred(maps: Tensor) -> Tensor:
    """The Gaussian means of all whole windows: (..., h, w) to (..., h − 10, w − 10).

    Two passes of scaled sums are several times faster on a CPU than an 11×11 convolution, and are float32
    everywhere: a convolution on CUDA may run in TF32, which has too few digits for variances.
    """
    radius = SSIM_WINDOW // 2
    weights = [math.exp(-((place / _SIGMA) ** 2) / 2) for place in range(-radius, radius + 1)]
    for dim in (-2, -1):
        length = maps.shape[dim] - 2 * radius
        total = maps.narrow(dim, 0, length) * (weights[0] / sum(weights))
        for start, weight in enumerate(weights[1:], start=1):
            total.add_(maps.narrow(dim, start, length), alpha=weight / sum(weights))
        maps = total
    return maps
