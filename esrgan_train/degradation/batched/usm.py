"""Unsharp masking of a batch of photographs."""

from __future__ import annotations

import torch
from torch import Tensor

from esrgan_train.degradation.usm import KERNEL_SIZE, SIGMA, THRESHOLD, WEIGHT
from esrgan_train.kernels import exact_float32


def usm_sharpen_batch(hr: Tensor) -> Tensor:
    """What ``degradation.usm_sharpen`` does to each image; (B, 3, H, W) float32 in [0, 1] to the same."""
    rows, columns = (_gaussian(side, hr.device) for side in hr.shape[-2:])

    def blurred(images: Tensor) -> Tensor:
        return rows @ images @ columns.T

    with exact_float32():
        residual = hr - blurred(hr)
        mask = (residual.abs() > THRESHOLD).float()
        change = (hr + WEIGHT * residual).clamp(0, 1) - hr
        return hr + change * blurred(mask)


def _gaussian(side: int, device: torch.device) -> Tensor:
    """The matrix that blurs ``side`` pixels, mirrored at both ends without repeating the edge."""
    radius = KERNEL_SIZE // 2
    places = torch.arange(side, device=device)
    kernel = torch.exp(-torch.arange(-radius, radius + 1, device=device).square() / (2 * SIGMA**2))
    weights = torch.zeros(side, side, device=device)
    for offset in range(-radius, radius + 1):
        period = max(2 * side - 2, 1)
        phase = (places + offset) % period
        source = torch.minimum(phase, period - phase)
        weights = weights + kernel[offset + radius] * (places == source[:, None])
    return weights / kernel.sum()
