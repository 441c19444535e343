"""Noise for a batch of images, each of a kind and strength of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from esrgan_train.degradation.batched.luma import luma
from esrgan_train.degradation.batched.poisson import PEAKS, poisson_tables

_COLOURS = 3


class BatchedNoise(nn.Module):
    """Noise distributed as ``degradation.noise`` makes it; its numbers come from each drawing's key alone.

    The same key, canvas and kind of device give the same noise, whatever else is in the batch.
    """

    chances: Tensor
    others: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, table in zip(("chances", "others"), poisson_tables(), strict=True):
            self.register_buffer(name, table, persistent=False)

    def forward(
        self, images: Tensor, valid: Tensor, uniform: Tensor, poisson: Tensor, strength: Tensor, gray: Tensor
    ) -> Tensor:
        """Noise to add.

        Args:
            images: (B, 3, H, W) float32 RGB.
            valid: (B, 1, H, W) bool: the pixels that belong to an image.
            uniform: (B, 2, 3, H, W) numbers in [0, 1), see ``uniform_numbers``.
            poisson: (B,) bool: Poisson noise, else Gaussian.
            strength: (B,) float32: Poisson's scale, or a standard deviation in 8-bit levels.
            gray: (B,) bool: one map for all channels.

        Shape:
            the same as images.
        """
        gray, poisson, strength = (each.view(-1, 1, 1, 1) for each in (gray, poisson, strength))
        uniform = torch.where(gray[:, None], uniform[:, :, :1], uniform)
        first, second = uniform.unbind(dim=1)
        shot = self.shot_noise(torch.where(gray, luma(images), images), valid, first, second)
        grain = normal(first, second) / 255
        return strength * torch.where(poisson, shot, grain)

    def shot_noise(self, images: Tensor, valid: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Poisson(x·v)/v − x of the image rounded to 8 bits, v its number of distinct values as a power of two."""
        levels = (images.clamp(0, 1) * 255).round().long()
        smaller = torch.exp2(torch.arange(len(PEAKS) - 1, device=images.device))
        peak = (distinct(levels, valid)[:, None] > smaller).sum(dim=1)
        rows = peak.view(-1, 1, 1, 1) * 256 + levels
        width = self.chances.shape[1]
        cells = (first * width).long() + rows * width
        accepted = second < self.chances.flatten()[cells]
        count = torch.where(accepted, cells - rows * width, self.others.flatten()[cells].long())
        photons = torch.exp2(peak.float()).view(-1, 1, 1, 1)
        return count / photons - levels / 255


def uniform_numbers(keys: Sequence[int], size: tuple[int, int], device: torch.device) -> Tensor:
    """(B, 2, 3, *size) float32 in [0, 1), each sample's from a generator seeded with its key."""
    numbers = torch.empty(len(keys), 2, _COLOURS, *size, device=device)
    generator = torch.Generator(device)
    for sample, key in zip(numbers, keys, strict=True):
        sample.uniform_(generator=generator.manual_seed(key))
    return numbers


def normal(first: Tensor, second: Tensor) -> Tensor:
    """Standard normal numbers of two uniform ones in [0, 1) (Box and Muller, 1958)."""
    return torch.sqrt(-2 * torch.log1p(-first)) * torch.cos(2 * math.pi * second)


def distinct(levels: Tensor, valid: Tensor) -> Tensor:
    """How many of the 256 values each image holds, (B,)."""
    held = torch.where(valid, levels, 256).flatten(1)
    present = torch.zeros(len(levels), 257, device=levels.device).scatter_(1, held, 1.0)
    count: Tensor = present[:, :256].sum(dim=1)
    return count
