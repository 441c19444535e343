"""libjpeg's colours: between RGB and luma with halved chroma, in its whole numbers.

All images are (B, C, H, W) int32 of 0 to 255. Source: ITU-T T.871 (JFIF).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from esrgan_train.degradation.batched.borders import columns_taken, rows_taken

_BITS = 16  # of a fixed-point number's fraction
_HALF = 1 << (_BITS - 1)
_CENTRE = (128 << _BITS) + _HALF - 1

_TO_YCC = ((0.299, 0.587, 0.114), (-0.16874, -0.33126, 0.5), (0.5, -0.41869, -0.08131))
_TO_RGB = ((0.0, 1.402), (-0.34414, -0.71414), (1.772, 0.0))


class JpegColour(nn.Module):
    """The conversions, with their factors on the device."""

    to_ycc_factors: Tensor
    to_rgb_factors: Tensor
    offsets: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, factors in {"to_ycc_factors": _TO_YCC, "to_rgb_factors": _TO_RGB}.items():
            fixed = [[_fixed(factor) for factor in row] for row in factors]
            self.register_buffer(name, _int32(fixed)[..., None, None], persistent=False)
        self.register_buffer("offsets", _int32([_HALF, _CENTRE, _CENTRE])[:, None, None], persistent=False)

    def to_ycc(self, rgb: Tensor) -> Tensor:
        """Luma, blue and red chroma of RGB."""
        return ((rgb[:, None] * self.to_ycc_factors).sum(dim=2, dtype=torch.int32) + self.offsets) >> _BITS

    def to_rgb(self, luma: Tensor, chroma: Tensor) -> Tensor:
        """RGB of luma, (B, 1, H, W), and chroma, (B, 2, H, W)."""
        shifts = ((chroma[:, None] - 128) * self.to_rgb_factors).sum(dim=2, dtype=torch.int32)
        return (luma + ((shifts + _HALF) >> _BITS)).clamp(0, 255)


def halve(chroma: Tensor) -> Tensor:
    """The mean of each 2×2 pixels, rounded up in every second column: even H and W to half."""
    sums = chroma[..., ::2, :] + chroma[..., 1::2, :]
    sums = sums[..., ::2] + sums[..., 1::2]
    rounding = 1 + torch.arange(sums.shape[-1], dtype=torch.int32, device=chroma.device) % 2
    return (sums + rounding) >> 2


def double(chroma: Tensor, heights: Tensor, widths: Tensor) -> Tensor:
    """Interpolated to twice the size, 3 : 1 between neighbours, as libjpeg does by default.

    Chroma is valid in [:heights[b], :widths[b]], and repeats its edges beyond. libjpeg repeats the samples of
    pictures up to two samples wide instead.
    """
    rows, columns = (torch.arange(side, device=chroma.device) for side in chroma.shape[-2:])
    near = [torch.minimum((rows + step).clamp(min=0), heights[:, None] - 1) for step in (-1, 1)]
    sums = torch.stack([3 * chroma + rows_taken(chroma, each) for each in near], dim=3).flatten(2, 3)
    near = [torch.minimum((columns + step).clamp(min=0), widths[:, None] - 1) for step in (-1, 1)]
    halves = [
        (3 * sums + columns_taken(sums, each) + rounding) >> 4 for each, rounding in zip(near, (8, 7), strict=True)
    ]
    smooth = torch.stack(halves, dim=4).flatten(3, 4)
    return torch.where((widths > 2)[:, None, None, None], smooth, repeat(chroma))


def repeat(chroma: Tensor) -> Tensor:
    """Each sample over its 2×2 pixels."""
    batch, channels, height, width = chroma.shape
    over = chroma[:, :, :, None, :, None].expand(-1, -1, -1, 2, -1, 2)
    return over.reshape(batch, channels, 2 * height, 2 * width)


def _fixed(value: float) -> int:
    return int(abs(value) * (1 << _BITS) + 0.5) * (1 if value >= 0 else -1)


def _int32(values: list[list[int]] | list[int]) -> Tensor:
    return torch.tensor(values, dtype=torch.int32)
