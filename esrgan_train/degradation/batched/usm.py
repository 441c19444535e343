"""Unsharp masking of a batch of photographs."""

from __future__ import annotations

import torch
from torch import Tensor

from esrgan_train.degradation.batched.borders import mirrored
from esrgan_train.degradation.batched.exactness import all_digits
from esrgan_train.degradation.usm import KERNEL_SIZE, SIGMA, THRESHOLD, WEIGHT


def usm_sharpen_batch(hr: Tensor) -> Tensor:
    """What ``degradation.usm_sharpen`` does to each image; (B, 3, H, W) float32 in [0, 1] to the same."""
    rows, columns = (_gaussian(side, hr.device) for side in hr.shape[-2:])

    def blurred(images: Tensor) -> Tensor:
        return rows @ images @ columns.T

    with all_digits(hr.device):
        residual = hr - blurred(hr)
        mask = (residual.abs() > THRESHOLD).float()
        change = (hr + WEIGHT * residual).clamp(0, 1) - hr
        return hr + change * blurred(mask)


def _gaussian(side: int, device: torch.device) -> Tensor:
    """The matrix that blurs ``side`` pixels, mirrored at both ends without repeating the edge."""
    offsets = torch.arange(KERNEL_SIZE, device=device) - KERNEL_SIZE // 2
    kernel = torch.exp(-offsets.square() / (2 * SIGMA**2))
    places = torch.arange(side, device=device)
    lengths = torch.full_like(offsets, side)
    sources = mirrored(places + offsets[:, None], lengths)  # (KERNEL_SIZE, side)
    hits = kernel[:, None, None] * (places == sources[..., None])
    weights: Tensor = hits.sum(dim=0) / kernel.sum()
    return weights
