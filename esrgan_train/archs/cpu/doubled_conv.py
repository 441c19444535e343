"""A 3×3 convolution of a bilinearly doubled image, with a quarter of the multiplications.

One tap of a kernel is a 1×1 convolution, which commutes with bilinear enlargement. So the nine taps are applied
at low resolution, as matrix products; the rest has fixed coefficients: along each axis, three taps of n values
give 2n values. These banded matrices are applied in tiles, strip by strip, in the processor's cache.

Up to the order of additions, the result is that of ``interpolate`` and ``conv2d``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from esrgan_train.archs.cpu.weight_gradient import is_channels_last_on_cpu, is_wanted
from esrgan_train.archs.doubling import double

_TILES = (8, 9, 10, 7, 12, 6, 11, 5, 14, 13, 16, 4, 15)  # low-resolution values in a tile, the fastest first


def convolve_doubled(x: Tensor, weight: Tensor) -> Tensor:
    """Double an image bilinearly, then convolve it with one pixel of zero padding.

    The fast way is for float32 in channels_last format on a CPU, with sides that can be cut into tiles.

    Shape:
        x (B, C, H, W), weight (K, C, 3, 3) → (B, K, 2·H, 2·W).
    """
    if takes_fast_way(x):
        result: Tensor = _ConvolveDoubled.apply(x, weight)
        return result
    return _convolve_plainly(x, weight)


def takes_fast_way(x: Tensor) -> bool:
    """Whether ``convolve_doubled`` can save multiplications on this image."""
    return is_channels_last_on_cpu(x) and all(_tile_size(size) > 0 for size in x.shape[-2:])


def _convolve_plainly(x: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(double(x), weight, padding=1)


class _ConvolveDoubled(torch.autograd.Function):
    """The fast way. Images are (B, H, W, C) here; T and U are the tile's height and width."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        """Taps, then rows, then columns, strip by strip."""
        ctx.save_for_backward(x, weight)
        batch, _, height, width = x.shape
        filters, tall, wide = weight.shape[0], _tile_size(height), _tile_size(width)
        taps = _taps(weight).transpose(1, 2)  # (3, C, 3·K)
        strips, tiles = enlarging(height, tall), enlarging(width, wide)
        across = tiles.transpose(2, 3).flatten(2).repeat(2 * tall, 1, 1)  # (2T·tiles, 2U, (U + 2)·3)
        padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
        out = torch.empty((batch, filters, 2 * height, 2 * width), memory_format=torch.channels_last)
        tapped = x.new_empty(3, (tall + 2) * (width + 2), 3 * filters)
        for image in range(batch):
            for index, down in enumerate(strips):
                pixels = padded[image, index * tall : (index + 1) * tall + 2].flatten(0, 1)
                for row in range(3):
                    torch.mm(pixels, taps[row], out=tapped[row])
                rows = down.flatten(1) @ tapped.view(3 * (tall + 2), -1)  # (2T, (W + 2)·3·K)
                windows = _windows(rows.view(2 * tall, -1, filters), length=3 * (wide + 2), step=3 * wide)
                strip = out[image].permute(1, 2, 0)[2 * index * tall : 2 * (index + 1) * tall]
                torch.bmm(across, windows, out=strip.view(-1, 2 * wide, filters))
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The same in reverse; only the gradients that the running backward pass needs.

        Gradients that will be differentiated again, as for a gradient penalty, are computed the plain way.
        """
        x, weight = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph
            return _plain_gradients(ctx, x, weight, gradients[0])
        batch, channels, height, width = x.shape
        filters, tall, wide = weight.shape[0], _tile_size(height), _tile_size(width)
        taps = _taps(weight)  # (3, 3·K, C)
        strips, tiles = gathering(height, tall), gathering(width, wide)
        across = tiles.transpose(1, 2).flatten(1, 2).repeat(2 * tall + 4, 1, 1)  # ((2T + 4)·tiles, U·3, 2U + 4)
        padded = F.pad(gradients[0].permute(0, 2, 3, 1), (0, 0, 2, 2, 2, 2))
        pixels = x.permute(0, 2, 3, 1)
        wants_x, wants_weight = is_wanted(ctx, 0), is_wanted(ctx, 1)
        of_x = torch.empty_like(x, memory_format=torch.channels_last)
        of_taps = torch.zeros_like(taps)
        for image in range(batch):
            for index, down in enumerate(strips):
                strip = padded[image, 2 * index * tall : 2 * (index + 1) * tall + 4]
                rows = torch.bmm(across, _windows(strip, length=2 * wide + 4, step=2 * wide))
                tapped = (down.flatten(0, 1) @ rows.view(2 * tall + 4, -1)).view(3, tall * width, 3 * filters)
                place = (image, slice(index * tall, (index + 1) * tall))
                if wants_x:
                    sums = of_x.permute(0, 2, 3, 1)[place].view(-1, channels)
                    torch.mm(tapped[0], taps[0], out=sums)
                    for row in (1, 2):
                        sums.addmm_(tapped[row], taps[row])
                if wants_weight:
                    for row in range(3):
                        of_taps[row].addmm_(tapped[row].T, pixels[place].flatten(0, 1))
        of_weight = (
            of_taps.view(3, 3, filters, channels).permute(2, 3, 0, 1).contiguous() if wants_weight else None
        )
        return of_x if wants_x else None, of_weight


def _plain_gradients(ctx: Any, x: Tensor, weight: Tensor, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
    wanted = {n: tensor for n, tensor in enumerate((x, weight)) if is_wanted(ctx, n)}
    found = torch.autograd.grad(_convolve_plainly(x, weight), [*wanted.values()], gradient, create_graph=True)
    of = dict(zip(wanted, found, strict=True))
    return of.get(0), of.get(1)


@lru_cache(maxsize=64)
def enlarging(size: int, tile: int) -> Tensor:
    """From three taps of ``size`` values and one more at either end to the convolved doubled values.

    Shape:
        (tiles, 2·tile, 3, tile + 2); the first of the last axis is the value before the tile.
    """
    matrix = F.pad(_enlargement(size), (1, 1))  # (2·size, 3, size + 2)
    starts = range(0, size, tile)
    return torch.stack([matrix[2 * start : 2 * (start + tile), :, start : start + tile + 2] for start in starts])


@lru_cache(maxsize=64)
def gathering(size: int, tile: int) -> Tensor:
    """The transpose of ``enlarging``: from gradients of the doubled values, and two more at either end.

    Shape:
        (tiles, 3, tile, 2·tile + 4).
    """
    matrix = F.pad(_enlargement(size).permute(1, 2, 0), (2, 2))  # (3, size, 2·size + 4)
    starts = range(0, size, tile)
    return torch.stack([matrix[:, start : start + tile, 2 * start : 2 * (start + tile) + 4] for start in starts])


def _enlargement(size: int) -> Tensor:
    """The sum over taps of the enlarged values, each moved by the tap's place: (2·size, 3, size)."""
    doubled = F.interpolate(torch.eye(size)[None], scale_factor=2.0, mode="linear", align_corners=False)[0].T
    padded = F.pad(doubled, (0, 0, 1, 1))
    return torch.stack([padded[tap : tap + 2 * size] for tap in range(3)], dim=1)


def _taps(weight: Tensor) -> Tensor:
    """(K, C, 3, 3) to (3, 3·K, C): the taps of each row of the kernel."""
    filters, channels = weight.shape[:2]
    return weight.permute(2, 3, 0, 1).reshape(3, 3 * filters, channels)


def _windows(rows: Tensor, *, length: int, step: int) -> Tensor:
    """Overlapping pieces of each row: (R, N, K) to (R·windows, length, K)."""
    return rows.unfold(1, length, step).transpose(2, 3).flatten(0, 1).contiguous()


def _tile_size(size: int) -> int:
    """The best tile that divides ``size``; 0 if there is none."""
    return next((tile for tile in _TILES if size % tile == 0), 0)
