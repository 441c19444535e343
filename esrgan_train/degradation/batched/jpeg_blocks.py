"""Planes of luma and halved chroma as blocks, and back.

A unit is 16×16 pixels: four blocks of luma and one of each chroma. Blocks are (rows, columns, B, 6, units), so
that those of all images and components are transformed at once.
"""

from __future__ import annotations

from torch import Tensor

SIDE = 8  # of a block, in pixels
UNIT = 2 * SIDE


def blocks_of(luma: Tensor, chroma: Tensor) -> Tensor:
    """(B, 1, 16·h, 16·w) and (B, 2, 8·h, 8·w) to (8, 8, B, 6, h·w)."""
    batch, _, height, width = chroma.shape
    units = height // SIDE, width // SIDE
    blocks = luma.new_empty(SIDE, SIDE, batch, 6, units[0] * units[1])
    quarters = luma.view(batch, units[0], 2, SIDE, units[1], 2, SIDE).permute(3, 6, 0, 2, 5, 1, 4)
    blocks[..., :4, :].view(quarters.shape).copy_(quarters)
    wholes = chroma.view(batch, 2, units[0], SIDE, units[1], SIDE).permute(3, 5, 0, 1, 2, 4)
    blocks[..., 4:, :].view(wholes.shape).copy_(wholes)
    return blocks


def planes_of(blocks: Tensor, units: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The reverse for (h, w) units, of blocks of n × n pixels: (B, 1, 2n·h, 2n·w) and (B, 2, n·h, n·w)."""
    side, _, batch = blocks.shape[:3]
    height, width = units[0] * side, units[1] * side
    quarters = blocks[..., :4, :].view(side, side, batch, 2, 2, *units)
    luma = quarters.permute(2, 5, 3, 0, 6, 4, 1).contiguous().view(batch, 1, 2 * height, 2 * width)
    wholes = blocks[..., 4:, :].view(side, side, batch, -1, *units)
    return luma, wholes.permute(2, 3, 4, 0, 5, 1).contiguous().view(batch, -1, height, width)
