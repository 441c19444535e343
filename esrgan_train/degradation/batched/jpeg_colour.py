"""libjpeg's colours: between RGB and luma with halved chroma, in its whole numbers.

All images are float32 (B, C, H, W) that holds whole numbers: RGB from 0 to 255, luma and chroma from −128 to 127.
Source: ITU-T T.871 (JFIF).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from esrgan_train.degradation.batched.borders import columns_taken, rows_taken

_ONE = 1 << 16  # as a fixed-point number; times 255 still a whole number that float32 holds
_HALF = _ONE >> 1

_TO_YCC = ((0.299, 0.587, 0.114), (-0.16874, -0.33126, 0.5), (0.5, -0.41869, -0.08131))
_TO_RGB = ((0.0, 1.402), (-0.34414, -0.71414), (1.772, 0.0))


class JpegColour(nn.Module):
    """The conversions, with their factors on the device; TF32 must be off."""

    to_ycc_factors: Tensor
    to_rgb_factors: Tensor
    offsets: Tensor
    rounding: Tensor

    def __init__(self) -> None:
        super().__init__()
        offsets = [_HALF - 128 * _ONE, _HALF - 1, _HALF - 1]
        tables = {
            "to_ycc_factors": [[_fixed(factor) for factor in row] for row in _TO_YCC],
            "to_rgb_factors": [[_fixed(factor) for factor in row] for row in _TO_RGB],
            "offsets": [[offset] for offset in offsets],
            "rounding": [[_HALF]],
        }
        for name, values in tables.items():
            self.register_buffer(name, torch.tensor(values) / float(_ONE), persistent=False)

    def to_ycc(self, rgb: Tensor) -> Tensor:
        """Luma, blue and red chroma of RGB."""
        factors = self.to_ycc_factors.expand(len(rgb), -1, -1)
        return torch.baddbmm(self.offsets, factors, rgb.flatten(2)).floor_().view(rgb.shape)

    def to_rgb(self, luma: Tensor, chroma: Tensor) -> Tensor:
        """RGB of luma, (B, 1, H, W), and chroma, (B, 2, H, W)."""
        factors = self.to_rgb_factors.expand(len(chroma), -1, -1)
        shifts = torch.baddbmm(self.rounding, factors, chroma.flatten(2)).floor_()
        return shifts.view(len(chroma), 3, *luma.shape[2:]).add_(luma).clamp_(-128, 127).add_(128)


def halve(chroma: Tensor) -> Tensor:
    """The mean of each 2×2 pixels, rounded up in every second column: even H and W to half."""
    means = avg_pool2d(chroma, 2)  # exact: quarters
    rounding = (1 + torch.arange(means.shape[-1], device=chroma.device) % 2) / 4
    return means.add_(rounding).floor_()


def double(chroma: Tensor, heights: Tensor, widths: Tensor) -> Tensor:
    """Interpolated to twice the size, 3 : 1 between neighbours, as libjpeg does by default.

    Chroma is valid in [:heights[b], :widths[b]], and repeats its edges beyond. libjpeg repeats the samples of
    pictures up to two samples wide instead: they are their own neighbours here.
    """
    sides = ((heights, chroma.shape[2]), (widths, chroma.shape[3]))
    rows, columns = ([_neighbours(length, side, step, widths) for step in (-1, 1)] for length, side in sides)
    sixteenths = chroma / 16
    sums = [torch.add(rows_taken(sixteenths, each), sixteenths, alpha=3) for each in rows]
    tall = torch.stack(sums, dim=3).flatten(2, 3)
    halves = [torch.add(columns_taken(tall, each), tall, alpha=3) for each in columns]
    smooth = torch.stack(halves, dim=4).flatten(3, 4)
    rounding = (8 - torch.arange(smooth.shape[-1], device=chroma.device) % 2) / 16
    return smooth.add_(rounding).floor_()


def _neighbours(lengths: Tensor, side: int, step: int, widths: Tensor) -> Tensor:
    """Of each sample up to ``side`` the one ``step`` further on, (B, side)."""
    places = torch.arange(side, device=lengths.device)
    near = torch.minimum((places + step).clamp(min=0), lengths[:, None] - 1)
    return torch.where(widths[:, None] > 2, near, places.minimum(lengths[:, None] - 1))


def _fixed(value: float) -> int:
    return int(abs(value) * _ONE + 0.5) * (1 if value >= 0 else -1)
