"""Compressing a batch of images as JPEG files and decoding them again, as libjpeg does, in whole numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from esrgan_train.degradation.batched.borders import columns_taken, repeated, rows_taken
from esrgan_train.degradation.batched.jpeg_blocks import UNIT, blocks_of, planes_of
from esrgan_train.degradation.batched.jpeg_colour import JpegColour
from esrgan_train.degradation.batched.jpeg_tables import all_divisors
from esrgan_train.degradation.batched.jpeg_transform import JpegTransform

_LUMA = (299, 587, 114)  # BT.601's, in thousandths
_WHITE = 255_000  # 255 in thousandths


class BatchedJpeg(nn.Module):
    """What ``degradation.jpeg.compress_jpeg`` does, bit for bit; each image has a size and a quality of its own.

    Huffman coding loses nothing and is left out. Only whole numbers are added up, so all devices agree to the last
    bit. With ``nearest_chroma`` OpenCV adds up float32, and results differ from its by less than 3e-7.
    """

    divisors: Tensor
    inverses: Tensor
    white: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.colour = JpegColour()
        self.transform = JpegTransform()
        divisors = all_divisors()
        # libjpeg rounds halves away from zero; so does round() of products that are a little too large. They cross
        # no other half: frequencies are below 2¹⁴, so a quotient that misses a half does so by 2⁻¹⁵ of itself.
        inverses = (1 + 2**-18) / (8 * divisors)
        white = torch.tensor(float(_WHITE))
        buffers = {"divisors": divisors.float(), "inverses": inverses, "white": white}
        for name, value in buffers.items():
            self.register_buffer(name, value, persistent=False)

    @torch.no_grad()
    def forward(
        self, images: Tensor, heights: Tensor, widths: Tensor, quality: Tensor, nearest_chroma: Tensor
    ) -> Tensor:
        """Encode and decode.

        Args:
            images: (B, 3, H, W) float32 RGB, clamped to [0, 1] and rounded to 8 bits first; image b lies in
                [:heights[b], :widths[b]], and what is beyond counts for nothing and is undefined in the result.
            heights: (B,) int64, from 1 on; so are ``widths``.
            widths: see ``heights``.
            quality: (B,) int64, libjpeg's, 1 to 100.
            nearest_chroma: (B,) bool: repeat each chroma sample over its 2×2 pixels; the result is not on the
                8-bit grid then.
        """
        canvas = images.shape[-2:]
        samples = (heights + 1) >> 1, (widths + 1) >> 1  # of chroma
        luma, chroma = self._encoded(images, (heights, widths), samples[0])
        luma, small, chroma = self._coded(luma, chroma, quality)
        around = [
            (repeated(side + 2, lengths + 1) - 1).clamp_(min=0)
            for side, lengths in zip(chroma.shape[-2:], samples, strict=True)
        ]
        edged = columns_taken(rows_taken(chroma, around[0]), around[1])
        rgb = self.colour.to_rgb(luma, self.colour.enlarge(edged, samples[1]))
        half = self.colour.to_rgb(small, chroma)
        decoded = torch.where(nearest_chroma.view(-1, 1, 1, 1), _repeated_chroma(rgb, half), rgb * 1000)
        # By a number on the device, since GPUs multiply by the reciprocal of one from the host.
        return decoded[..., : canvas[0], : canvas[1]] / self.white

    def _encoded(self, images: Tensor, sizes: tuple[Tensor, Tensor], samples: Tensor) -> tuple[Tensor, Tensor]:
        """Luma and halved chroma of whole units, continued as libjpeg does."""
        height, width = (-(-side // UNIT) * UNIT for side in images.shape[-2:])
        rows, columns = repeated(height, sizes[0]), repeated(width, sizes[1])
        places = (rows * images.shape[-1])[:, :, None] + columns[:, None]  # (B, height, width)
        whole = images.flatten(2).gather(2, places.flatten(1)[:, None].expand(-1, 3, -1))
        levels = whole.clamp_(0, 1).mul_(255).round_().int()
        ycc = self.colour.to_ycc(levels.view(-1, 3, height, width))
        # Below, libjpeg repeats halved rows, not those that they are made of.
        chroma = rows_taken(self.colour.halve(ycc[:, 1:]), repeated(height // 2, samples))
        return ycc[:, :1], chroma

    def _coded(self, luma: Tensor, chroma: Tensor, quality: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Luma, luma at half the size, and chroma, with their frequencies rounded to multiples of the divisors."""
        inverses, divisors = (
            table[quality].permute(2, 3, 0, 1)[..., None] for table in (self.inverses, self.divisors)
        )
        frequencies = self.transform(blocks_of(luma, chroma))
        restored = (frequencies * inverses).round_().mul_(divisors).int()
        units = luma.shape[-2] // UNIT, luma.shape[-1] // UNIT
        whole, reduced = planes_of(self.transform.inverse(restored).clamp_(-128, 127), units)
        small, _ = planes_of(self.transform.halving_inverse(restored[..., :4, :]).clamp_(-128, 127), units)
        return whole, small, reduced


def _repeated_chroma(rgb: Tensor, half: Tensor) -> Tensor:
    """The luma of one and the colours of the other, which is half as large, in thousandths of a level."""
    colours = (half * 1000).sub_(_luma(half))
    height, width = half.shape[-2:]
    luma = _luma(rgb).view(-1, 1, height, 2, width, 2)
    return (luma + colours[:, :, :, None, :, None]).clamp_(0, _WHITE).view_as(rgb)


def _luma(levels: Tensor) -> Tensor:
    """(B, 3, H, W) to (B, 1, H, W), in thousandths of a level."""
    red, green, blue = levels.chunk(3, dim=1)
    total: Tensor = (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])
    return total
