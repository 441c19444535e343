"""Compressing a batch of images as JPEG files and decoding them again, as libjpeg does, in whole numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from esrgan_train.degradation.batched.borders import repeated, rows_taken, taken
from esrgan_train.degradation.batched.jpeg_colour import JpegColour, double, halve, repeat
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
        self.colour = JpegColour()
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
        units = -(-height // _UNIT) * _UNIT, -(-width // _UNIT) * _UNIT
        whole = taken(images, repeated(units[0], heights), repeated(units[1], widths))
        ycc = self.colour.to_ycc(_levels(whole))
        samples = -(-heights // 2), -(-widths // 2)  # of chroma
        # Below, libjpeg repeats reduced rows, not those that they are made of.
        reduced = rows_taken(halve(ycc[:, 1:]), repeated(units[0] // 2, samples[0]))
        full, small, reduced = self._coded(ycc[:, :1], reduced, self.tables[quality])
        smooth = self.colour.to_rgb(full, double(reduced, *samples)) / 255
        half = self.colour.to_rgb(small, reduced) / 255
        nearest = luma(smooth) + repeat(half - luma(half))
        decoded = torch.where(nearest_chroma.view(-1, 1, 1, 1), nearest.clamp(0, 1), smooth)
        return decoded[..., :height, :width]

    def _coded(self, full: Tensor, reduced: Tensor, tables: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Luma, luma at half the size, and chroma, with their frequencies rounded to multiples of (B, 2, 8, 8)."""
        planes = full, reduced
        blocks = torch.cat([_blocks(plane) for plane in planes], dim=1)  # (B, blocks, 8, 8)
        counts = [plane[0].numel() // _BLOCK**2 for plane in planes]
        steps = torch.cat(
            [tables[:, kind, None].expand(-1, count, -1, -1) for kind, count in enumerate(counts)], dim=1
        )
        frequencies = self.transform(blocks - 128)
        eighths = steps * 8
        multiples = (frequencies.abs() + (eighths >> 1)).div(eighths, rounding_mode="floor") * frequencies.sign()
        restored = multiples * steps
        pixels = (self.transform.inverse(restored) + 128).clamp(0, 255)
        halved = (self.transform.halving_inverse(restored[:, : counts[0]]) + 128).clamp(0, 255)
        small = full[..., ::2, ::2]
        return (
            _plane(pixels[:, : counts[0]], full),
            _plane(halved, small),
            _plane(pixels[:, counts[0] :], reduced),
        )


def _levels(images: Tensor) -> Tensor:
    return (images.clamp(min=0) * 255).round().clamp(max=255).int()


def _blocks(planes: Tensor) -> Tensor:
    """(B, C, 8h, 8w) to (B, C·h·w, 8, 8)."""
    batch, channels, height, width = planes.shape
    blocks = planes.reshape(batch, channels, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    return blocks.transpose(3, 4).reshape(batch, -1, _BLOCK, _BLOCK)


def _plane(blocks: Tensor, like: Tensor) -> Tensor:
    """The reverse, for blocks of (n, n) pixels."""
    batch, channels, height, width = like.shape
    side = blocks.shape[-1]
    grid = blocks.view(batch, channels, height // side, width // side, side, side)
    return grid.transpose(3, 4).reshape(batch, channels, height, width)
