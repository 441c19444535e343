"""Compressing a batch of images as JPEG files and decoding them again, as libjpeg does, in whole numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from esrgan_train.degradation.batched.borders import repeated, rows_taken, taken
from esrgan_train.degradation.batched.exactness import all_digits
from esrgan_train.degradation.batched.jpeg_colour import JpegColour, double, halve
from esrgan_train.degradation.batched.jpeg_tables import all_tables
from esrgan_train.degradation.batched.jpeg_transform import JpegTransform
from esrgan_train.degradation.batched.luma import luma

_BLOCK = 8  # pixels a side
_UNIT = 2 * _BLOCK  # pixels a side of what shares a block of chroma


class BatchedJpeg(nn.Module):
    """What ``degradation.jpeg.compress_jpeg`` does, bit for bit; each image has a size and a quality of its own.

    Huffman coding loses nothing and is left out. What libjpeg computes in whole numbers is done in float32, which
    holds them all: products of matrices take fewer and faster kernels than whole numbers would on a GPU.
    """

    tables: Tensor
    white: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.colour = JpegColour()
        self.transform = JpegTransform()
        self.register_buffer("tables", all_tables().float(), persistent=False)
        # A divisor on the device: by a plain number CUDA multiplies with its reciprocal.
        self.register_buffer("white", torch.tensor(255.0), persistent=False)

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
        height, width = images.shape[-2:]
        units = -(-height // _UNIT) * _UNIT, -(-width // _UNIT) * _UNIT
        whole = taken(images, repeated(units[0], heights), repeated(units[1], widths))
        with all_digits(images.device):
            smooth, half = self._coded(whole, heights, widths, self.tables[quality])
        # A luma of the full size on the chroma of each 2×2 pixels.
        grid = luma(smooth).view(len(images), 1, units[0] // 2, 2, units[1] // 2, 2)
        nearest = (grid + (half - luma(half))[:, :, :, None, :, None]).view(smooth.shape).clamp_(0, 1)
        decoded = torch.where(nearest_chroma.view(-1, 1, 1, 1), nearest, smooth)
        return decoded[..., :height, :width]

    def _coded(self, images: Tensor, heights: Tensor, widths: Tensor, tables: Tensor) -> tuple[Tensor, Tensor]:
        """The images as they are decoded at their size and at half of it, without interpolating chroma."""
        ycc = self.colour.to_ycc(images.clamp(0, 1).mul_(255).round_())
        samples = -(-heights // 2), -(-widths // 2)  # of chroma
        height = images.shape[2]
        # Below, libjpeg repeats reduced rows, not those that they are made of.
        reduced = rows_taken(halve(ycc[:, 1:]), repeated(height // 2, samples[0]))
        # One plane: luma, and below it both kinds of chroma side by side.
        plane = torch.cat([ycc[:, 0], reduced.transpose(1, 2).flatten(2)], dim=1)
        kinds = (torch.arange(plane.shape[1] // _BLOCK, device=images.device) >= height // _BLOCK).long()
        frequencies = _in_multiples(self.transform(plane), tables[:, kinds])
        pixels = self.transform.inverse(frequencies).clamp_(-128, 127)
        small = self.transform.halving_inverse(frequencies[:, :height]).clamp_(-128, 127)
        full, reduced = pixels[:, None, :height], torch.stack(pixels[:, height:].chunk(2, dim=2), dim=1)
        smooth = self.colour.to_rgb(full, double(reduced, *samples))
        return smooth.div_(self.white), self.colour.to_rgb(small[:, None], reduced).div_(self.white)


def _in_multiples(frequencies: Tensor, steps: Tensor) -> Tensor:
    """Frequencies, eight times too large, as the nearest multiples of their steps, halves away from 0.

    Shape:
        frequencies (B, 8·h, 8·w), steps (B, h, 8, 8) → the same as frequencies.
    """
    blocks = frequencies.view(*steps.shape[:3], -1, _BLOCK)  # (B, h, 8, w, 8)
    steps = steps[:, :, :, None]
    share = 1 / (8 * steps)
    # Half a unit more than half a step, so that rounding the quotient itself never decides.
    numbers = torch.addcmul(0.5 + 0.5 * share, blocks.abs(), share).floor_()
    return numbers.mul_(steps).copysign_(blocks).view(frequencies.shape)
