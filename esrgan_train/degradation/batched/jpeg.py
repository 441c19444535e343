"""Compressing a batch of images as JPEG files and decoding them again, as libjpeg does, in whole numbers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from esrgan_train.degradation.batched.jpeg_colour import double, halve, repeat, to_rgb, to_ycc
from esrgan_train.degradation.batched.jpeg_tables import all_tables
from esrgan_train.degradation.batched.jpeg_transform import JpegTransform

_BLOCK = 8  # pixels a side
_UNIT = 2 * _BLOCK  # pixels a side of what shares a block of chroma


class BatchedJpeg(nn.Module):
    """What ``degradation.jpeg.compress_jpeg`` does to each image, bit for bit, at sizes and qualities of their own.

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
        levels = _levels(_padded(images, heights, widths))
        luma, chroma = to_ycc(levels)
        samples = -(-heights // 2), -(-widths // 2)  # of chroma
        reduced = _below_repeated(halve(chroma), samples[0])
        tables = self.tables[quality]
        luma, small = self._coded(luma, tables[:, :1], halved=True)
        reduced, _ = self._coded(reduced, tables[:, 1:], halved=False)
        smooth = to_rgb(luma, double(reduced, *samples)).float() / 255
        repeated = _luma(smooth) + _on_chroma_alone(to_rgb(small, reduced).float() / 255)
        decoded = torch.where(nearest_chroma.view(-1, 1, 1, 1), repeated.clamp(0, 1), smooth)
        return decoded[..., :height, :width]

    def _coded(self, planes: Tensor, tables: Tensor, *, halved: bool) -> tuple[Tensor, Tensor]:
        """Planes, (B, C, H, W) of 0 to 255, with their frequencies rounded to multiples of (B, 1, 8, 8); and halved."""
        blocks = _blocks(planes - 128)
        divisors = tables[:, :, None, None]
        frequencies = self.transform(blocks)
        eighths = divisors * 8
        rounded = (frequencies.abs() + (eighths >> 1)).div(eighths, rounding_mode="floor") * frequencies.sign()
        restored = rounded * divisors
        whole = _planes(self.transform.inverse(restored))
        return _pixels(whole), _pixels(_planes(self.transform.halving_inverse(restored))) if halved else whole


def _padded(images: Tensor, heights: Tensor, widths: Tensor) -> Tensor:
    """Each image continued by its last row and column to whole units of the canvas."""
    batch, channels, height, width = images.shape
    rows = torch.arange(-(-height // _UNIT) * _UNIT, device=images.device)
    columns = torch.arange(-(-width // _UNIT) * _UNIT, device=images.device)
    rows = torch.minimum(rows, heights[:, None] - 1)  # (B, rows)
    columns = torch.minimum(columns, widths[:, None] - 1)
    each = torch.arange(batch, device=images.device).view(-1, 1, 1, 1)
    channel = torch.arange(channels, device=images.device).view(1, -1, 1, 1)
    return images[each, channel, rows[:, None, :, None], columns[:, None, None, :]]


def _levels(images: Tensor) -> Tensor:
    return (images.clamp(min=0) * 255).round().clamp(max=255).int()


def _below_repeated(chroma: Tensor, heights: Tensor) -> Tensor:
    """Chroma with its last row repeated: libjpeg continues reduced rows, not those that they are made of."""
    rows = torch.minimum(torch.arange(chroma.shape[2], device=chroma.device), heights[:, None] - 1)
    return chroma.gather(2, rows[:, None, :, None].expand(-1, chroma.shape[1], -1, chroma.shape[3]))


def _blocks(planes: Tensor) -> Tensor:
    """(B, C, 8h, 8w) to (B, C, h, w, 8, 8)."""
    return planes.unflatten(3, (-1, _BLOCK)).unflatten(2, (-1, _BLOCK)).transpose(3, 4).contiguous()


def _planes(blocks: Tensor) -> Tensor:
    """(B, C, h, w, n, n) to (B, C, n·h, n·w)."""
    return blocks.transpose(3, 4).flatten(4, 5).flatten(2, 3)


def _pixels(centred: Tensor) -> Tensor:
    return (centred + 128).clamp(0, 255)


def _on_chroma_alone(half: Tensor) -> Tensor:
    """What lies beside the luma of an RGB image, each pixel over 2×2."""
    return repeat(half - _luma(half))


def _luma(image: Tensor) -> Tensor:
    """BT.601 luma, (B, 1, H, W)."""
    red, green, blue = image.split(1, dim=1)
    return 0.299 * red + 0.587 * green + 0.114 * blue
