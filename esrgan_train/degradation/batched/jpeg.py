"""Compressing a batch of images as JPEG files and decoding them again, as libjpeg does, in whole numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from esrgan_train.degradation.batched.borders import repeated, rows_taken, taken
from esrgan_train.degradation.batched.jpeg_colour import double, halve, repeat, to_rgb, to_ycc
from esrgan_train.degradation.batched.jpeg_tables import all_tables
from esrgan_train.degradation.batched.jpeg_transform import JpegTransform
from esrgan_train.degradation.batched.luma import luma

_BLOCK = 8  # pixels a side
_UNIT = 2 * _BLOCK  # pixels a side of what shares a block of chroma


class BatchedJpeg(nn.Module):
    """What ``degradation.jpeg.compress_jpeg`` does, bit for bit; each image has a size and a quality of its own.

    Huffman coding loses nothing and is left out.
    """

    tables: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.transform = JpegTransform()
        self.register_buffer("tables", all_tables(), persistent=False)

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
        units = [-(-side // _UNIT) * _UNIT for side in (height, width)]
        whole = taken(images, repeated(units[0], heights), repeated(units[1], widths))
        full, chroma = to_ycc(_levels(whole))
        samples = -(-heights // 2), -(-widths // 2)  # of chroma
        # Below, libjpeg repeats reduced rows, not those that they are made of.
        reduced = rows_taken(halve(chroma), repeated(units[0] // 2, samples[0]))
        tables = self.tables[quality]
        luma_blocks, chroma_blocks = self._coded(full, tables[:, :1]), self._coded(reduced, tables[:, 1:])
        full = _pixels(self.transform.inverse(luma_blocks))
        small = _pixels(self.transform.halving_inverse(luma_blocks))
        reduced = _pixels(self.transform.inverse(chroma_blocks))
        smooth = to_rgb(full, double(reduced, *samples)) / 255
        nearest = luma(smooth) + _beside_luma(to_rgb(small, reduced) / 255)
        decoded = torch.where(nearest_chroma.view(-1, 1, 1, 1), nearest.clamp(0, 1), smooth)
        return decoded[..., :height, :width]

    def _coded(self, planes: Tensor, tables: Tensor) -> Tensor:
        """The frequencies of (B, C, H, W) planes, rounded to multiples of (B, 1, 8, 8), as (B, C, h, w, 8, 8)."""
        steps = tables[:, :, None, None]
        frequencies = self.transform(_blocks(planes - 128))
        eighths = steps * 8
        counts = (frequencies.abs() + (eighths >> 1)).div(eighths, rounding_mode="floor")
        rounded: Tensor = counts * frequencies.sign() * steps
        return rounded


def _levels(images: Tensor) -> Tensor:
    return (images.clamp(min=0) * 255).round().clamp(max=255).int()


def _blocks(planes: Tensor) -> Tensor:
    """(B, C, 8h, 8w) to (B, C, h, w, 8, 8)."""
    batch, channels, height, width = planes.shape
    blocks = planes.view(batch, channels, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    return blocks.transpose(3, 4).contiguous()


def _pixels(blocks: Tensor) -> Tensor:
    """(B, C, h, w, n, n), around 0, to (B, C, n·h, n·w) of 0 to 255."""
    return (blocks.transpose(3, 4).flatten(4, 5).flatten(2, 3) + 128).clamp(0, 255)


def _beside_luma(half: Tensor) -> Tensor:
    """What an RGB image has besides its luma, each pixel over 2×2."""
    return repeat(half - luma(half))
