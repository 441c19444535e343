"""Blurring a batch of images, each with a kernel of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from esrgan_train.degradation.batched.borders import mirrored, taken


def blur_batch(images: Tensor, heights: Tensor, widths: Tensor, kernels: Tensor) -> Tensor:
    """What ``degradation.blur.blur`` does, through the Fourier transform: the kernels' size costs nothing.

    Shape:
        images (B, C, H, W) float32, image b in [:heights[b], :widths[b]]; kernels (B, k, k) of odd k, smaller ones
        with zeros around → the same as images.
    """
    height, width = images.shape[-2:]
    radius = kernels.shape[-1] // 2
    rows, columns = (torch.arange(-radius, side + radius, device=images.device) for side in (height, width))
    wide = taken(images, mirrored(rows, heights), mirrored(columns, widths))
    size = [_smooth(side) for side in wide.shape[-2:]]
    spectrum = torch.fft.rfft2(wide, s=size) * torch.fft.rfft2(kernels[:, None], s=size).conj()
    blurred: Tensor = torch.fft.irfft2(spectrum, s=size)
    return blurred[..., :height, :width]


def _smooth(least: int) -> int:
    """The next even number whose prime factors are 2, 3 and 5, at which transforms are fast."""
    size = least + least % 2
    while not _is_smooth(size):
        size += 2
    return size


def _is_smooth(number: int) -> bool:
    for factor in (2, 3, 5):
        while number % factor == 0:
            number //= factor
    return number == 1
