"""libjpeg's colours: between RGB and luma with halved chroma, in its whole numbers.

All images are (B, 3 or 1, H, W) int32 of 0 to 255. Source: ITU-T T.871 (JFIF).
"""

from __future__ import annotations

import torch
from torch import Tensor

from esrgan_train.degradation.batched.borders import columns_taken, rows_taken

_BITS = 16
_HALF = 1 << (_BITS - 1)


def _fixed(value: float) -> int:
    return int(value * (1 << _BITS) + 0.5)


def to_ycc(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Luma, (B, 1, H, W), and chroma, (B, 2, H, W), of RGB."""
    red, green, blue = rgb.chunk(3, dim=1)
    luma = (_fixed(0.299) * red + _fixed(0.587) * green + _fixed(0.114) * blue + _HALF) >> _BITS
    centre = (128 << _BITS) + _HALF - 1
    bluish = (_HALF * blue - _fixed(0.16874) * red - _fixed(0.33126) * green + centre) >> _BITS
    reddish = (_HALF * red - _fixed(0.41869) * green - _fixed(0.08131) * blue + centre) >> _BITS
    return luma, torch.cat([bluish, reddish], dim=1)


def to_rgb(luma: Tensor, chroma: Tensor) -> Tensor:
    """RGB of luma and chroma at the same size."""
    bluish, reddish = (chroma - 128).chunk(2, dim=1)
    red = luma + ((_fixed(1.402) * reddish + _HALF) >> _BITS)
    green = luma + ((-_fixed(0.34414) * bluish - _fixed(0.71414) * reddish + _HALF) >> _BITS)
    blue = luma + ((_fixed(1.772) * bluish + _HALF) >> _BITS)
    return torch.cat([red, green, blue], dim=1).clamp(0, 255)


def halve(chroma: Tensor) -> Tensor:
    """The mean of each 2×2 pixels, rounded up in every second column: even H and W to half."""
    tops, bottoms = chroma[..., ::2, :], chroma[..., 1::2, :]
    sums = tops[..., ::2] + tops[..., 1::2] + bottoms[..., ::2] + bottoms[..., 1::2]
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
    return chroma.repeat_interleave(2, dim=-1).repeat_interleave(2, dim=-2)
