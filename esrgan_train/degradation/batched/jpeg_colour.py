"""libjpeg's colours: between RGB and luma with halved chroma, in its whole numbers.

All images are (B, C, H, W) int32: RGB from 0 to 255; luma and chroma from −128 to 127, as the transforms take
them. Source: ITU-T T.871 (JFIF).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_BITS = 16  # of a fixed-point number's fraction
_HALF = 1 << (_BITS - 1)
_CENTRE = 128  # what luma and chroma are short of in here

_TO_YCC = ((0.299, 0.587, 0.114), (-0.16874, -0.33126, 0.5), (0.5, -0.41869, -0.08131))
_TO_RGB = ((0.0, 1.402), (-0.34414, -0.71414), (1.772, 0.0))


class JpegColour(nn.Module):
    """The conversions, with their factors on the device."""

    to_ycc_factors: Tensor
    to_ycc_offsets: Tensor
    to_rgb_factors: Tensor
    to_rgb_offset: Tensor
    downwards: Tensor
    upwards: Tensor

    def __init__(self) -> None:
        super().__init__()
        columns = {
            "to_ycc_factors": [[_fixed(factor) for factor in row] for row in zip(*_TO_YCC, strict=True)],
            # libjpeg rounds chroma down where it lies between two values.
            "to_ycc_offsets": [_HALF - (_CENTRE << _BITS), _HALF - 1, _HALF - 1],
            "to_rgb_factors": [[_fixed(factor) for factor in row] for row in zip(*_TO_RGB, strict=True)],
            "to_rgb_offset": [_HALF + (_CENTRE << _BITS)],
        }
        for name, values in columns.items():
            self.register_buffer(name, torch.tensor(values, dtype=torch.int32)[..., None, None], persistent=False)
        # What is added before the last bits go, for even and odd columns.
        for name, pair in {"downwards": (1, 2), "upwards": (8, 7)}.items():
            self.register_buffer(name, torch.tensor(pair, dtype=torch.int32), persistent=False)

    def to_ycc(self, rgb: Tensor) -> Tensor:
        """Luma, blue and red chroma of RGB."""
        return _mixed(rgb, self.to_ycc_factors, self.to_ycc_offsets).__irshift__(_BITS)

    def to_rgb(self, luma: Tensor, chroma: Tensor) -> Tensor:
        """RGB of luma, (B, 1, H, W), and chroma, (B, 2, H, W)."""
        shifts = _mixed(chroma, self.to_rgb_factors, self.to_rgb_offset).__irshift__(_BITS)
        return shifts.add_(luma).clamp_(0, 255)

    def halve(self, chroma: Tensor) -> Tensor:
        """The mean of each 2×2 pixels, rounded up in every second column: H and W, multiples of 4, to half."""
        sums = chroma[..., ::2, :] + chroma[..., 1::2, :]
        sums = sums[..., ::2] + sums[..., 1::2]
        return (sums.view(*sums.shape[:-1], -1, 2) + self.downwards).__irshift__(2).flatten(-2)

    def enlarge(self, chroma: Tensor, widths: Tensor) -> Tensor:
        """Interpolated to twice the size, 3 : 1 between neighbours, as libjpeg does by default.

        Args:
            chroma: with one more row and column on each side, (B, C, H + 2, W + 2), which repeat the edges.
            widths: valid columns, (B,). libjpeg repeats the samples of pictures up to two samples wide instead.
        """
        batch, channels, height, width = chroma.shape
        near = (widths > 2).int().view(-1, 1, 1, 1)
        own = 4 - near
        rows = chroma.new_empty(batch, channels, height - 2, 2, width)
        middle = chroma[:, :, 1:-1] * own
        for place, other in enumerate((chroma[:, :, :-2], chroma[:, :, 2:])):
            torch.addcmul(middle, other, near, out=rows[:, :, :, place])
        sums = rows.flatten(2, 3)
        pixels = sums.new_empty(*sums.shape[:-1], width - 2, 2)
        middle = sums[..., 1:-1] * own
        for place, other in enumerate((sums[..., :-2], sums[..., 2:])):
            torch.addcmul(middle, other, near, out=pixels[..., place])
        return pixels.add_(self.upwards).__irshift__(4).flatten(-2)


def _mixed(channels: Tensor, factors: Tensor, offset: Tensor) -> Tensor:
    """Sums of channels (B, n, H, W) by factors (n, m, 1, 1), (B, m, H, W)."""
    parts = channels.chunk(channels.shape[1], dim=1)
    total = torch.addcmul(offset, parts[0], factors[0])
    for part, factor in zip(parts[1:], factors[1:], strict=True):
        total.addcmul_(part, factor)
    return total


def _fixed(value: float) -> int:
    return int(abs(value) * (1 << _BITS) + 0.5) * (1 if value >= 0 else -1)
