"""Noise for a batch of images, each of a kind and strength of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from esrgan_train.degradation.batched.luma import luma
from esrgan_train.degradation.batched.poisson import CELLS, PEAKS, poisson_tables

_COLOURS = 3


class BatchedNoise(nn.Module):
    """Noise distributed as ``degradation.noise`` makes it; its numbers come from each drawing's key alone.

    The same key, canvas and kind of device give the same noise, whatever else is in the batch.
    """

    peaks: Tensor
    own: Tensor
    other: Tensor

    def __init__(self) -> None:
        super().__init__()
        own, other = poisson_tables()
        for name, table in {"peaks": torch.tensor(PEAKS), "own": own, "other": other}.items():
            self.register_buffer(name, table, persistent=False)

    def forward(
        self, images: Tensor, valid: Tensor, uniform: Tensor, poisson: Tensor, strength: Tensor, gray: Tensor
    ) -> Tensor:
        """Add it; images of strength 0 stay as they are.

        Args:
            images: (B, 3, H, W) float32 RGB.
            valid: (B, 1, H, W) bool: the pixels that belong to an image.
            uniform: (B, 3, H, W) numbers in [0, 1), see ``uniform_numbers``.
            poisson: (B,) bool: Poisson noise, else Gaussian.
            strength: (B,) float32: Poisson's scale, or a standard deviation in 8-bit levels.
            gray: (B,) bool: one map for all channels.

        Shape:
            the same as images.
        """
        gray, poisson, strength = (each.view(-1, 1, 1, 1) for each in (gray, poisson, strength))
        uniform = torch.where(gray, uniform[:, :1], uniform)
        shot = self.shot_noise(torch.where(gray, luma(images), images), valid, uniform)
        noise = torch.where(poisson, shot, normal(uniform))
        return torch.addcmul(images, noise, torch.where(poisson, strength, strength / 255))

    def shot_noise(self, images: Tensor, valid: Tensor, uniform: Tensor) -> Tensor:
        """Poisson(x·v)/v − x of the image rounded to 8 bits, v its number of distinct values as a power of two."""
        levels = images.clamp(0, 1).mul_(255).round_()
        peak = (distinct(levels, valid)[:, None] > self.peaks[:-1]).sum(dim=1)
        scaled = uniform * CELLS
        cells = scaled.floor()
        # Below 2²⁴, so whole in float32; in place, for these are the largest tensors of all.
        table = torch.add((peak * (256 * CELLS)).float().view(-1, 1, 1, 1), levels, alpha=CELLS)
        places = table.add_(cells).int().flatten()
        own, other = (each.index_select(0, places).view_as(cells) for each in (self.own, self.other))
        count = torch.where(scaled.frac_() < own, cells, other)
        return count.div_(self.peaks[peak].view(-1, 1, 1, 1)).sub_(levels, alpha=1 / 255)


def uniform_numbers(keys: Sequence[int], size: tuple[int, int], device: torch.device) -> Tensor:
    """(B, 3, H, W) float32 in [0, 1), each sample's from a generator seeded with its key."""
    numbers = torch.empty(len(keys), _COLOURS, *size, device=device)
    generator = torch.Generator(device)
    for sample, key in zip(numbers, keys, strict=True):
        sample.uniform_(generator=generator.manual_seed(key))
    return numbers


def normal(uniform: Tensor) -> Tensor:
    """Standard normal numbers of uniform ones in [0, 1), by inverting the distribution function."""
    # The middles of intervals of 2⁻²⁴, so symmetrical, and finite for 0.
    return (uniform * 2).add_(2**-24 - 1).erfinv_().mul_(math.sqrt(2))


def distinct(levels: Tensor, valid: Tensor) -> Tensor:
    """How many of the 256 values each image holds, (B,)."""
    held = torch.where(valid, levels, 256).long().flatten(1)
    present = torch.zeros(len(levels), 257, device=levels.device).scatter_(1, held, 1.0)
    count: Tensor = present[:, :256].sum(dim=1)
    return count
