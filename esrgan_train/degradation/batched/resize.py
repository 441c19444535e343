"""Resizing a batch of images, each from a size to a size of its own, as products with matrices of weights."""

from __future__ import annotations

import torch
from torch import Tensor

from esrgan_train.degradation.drawing import RESIZE_MODES

_CUBIC = -0.75  # OpenCV's and PyTorch's; others take −0.5


def resize_batch(
    images: Tensor,
    before: tuple[Tensor, Tensor],
    after: tuple[Tensor, Tensor],
    modes: Tensor,
    canvas: tuple[int, int],
) -> Tensor:
    """What ``degradation.resize.resize`` does; images that keep their size stay as they are, bit for bit.

    Args:
        images: (B, C, H, W) float32, finite everywhere.
        before: rows and columns of each image, (B,) int64 each.
        after: the same of the results.
        modes: (B,) int64, places in ``RESIZE_MODES``.
        canvas: rows and columns of the result's canvas.

    Shape:
        (B, C, *canvas); beyond an image's size the canvas is 0.
    """
    rows = _weights(before[0], after[0], modes, images.shape[2], canvas[0])  # (B, h, H)
    columns = _weights(before[1], after[1], modes, images.shape[3], canvas[1])  # (B, w, W)
    channels = images.shape[1]
    lines = images.transpose(1, 2).flatten(2)  # (B, H, C·W)
    shorter = torch.bmm(rows, lines).view(len(images), -1, images.shape[3])  # (B, h·C, W)
    narrower = torch.bmm(shorter, columns.transpose(1, 2))
    return narrower.view(len(images), canvas[0], channels, canvas[1]).transpose(1, 2)


def _weights(before: Tensor, after: Tensor, modes: Tensor, length: int, canvas: int) -> Tensor:
    """What each input pixel counts for each output pixel, (B, canvas, length)."""
    outputs = torch.arange(canvas, device=before.device)[:, None]
    inputs = torch.arange(length, device=before.device)
    before, after = before[:, None, None], after[:, None, None]
    area = _area(outputs, inputs, before, after)
    # Whole numbers up to the fraction: the position is exact to its last digit.
    twice = (2 * outputs + 1) * before - after
    floor = twice.div(2 * after, rounding_mode="floor")
    fraction = (twice - 2 * after * floor) / (2 * after)
    linear = _sampled(inputs, before, floor, (1 - fraction, fraction), first=0)
    cubic = _sampled(inputs, before, floor, _cubic_taps(fraction), first=-1)
    chosen = {"area": area, "bilinear": linear, "bicubic": cubic}
    stacked = torch.stack([chosen[mode] for mode in RESIZE_MODES], dim=1)
    each = torch.arange(len(modes), device=modes.device)
    return stacked[each, modes] * (outputs < after)


def _area(outputs: Tensor, inputs: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Means of input pixels ⌊i·n/m⌋ to ⌈(i+1)·n/m⌉ − 1."""
    start = (outputs * before).div(after, rounding_mode="floor")
    stop = -((outputs + 1) * -before).div(after, rounding_mode="floor")
    inside = (inputs >= start) & (inputs < stop)
    return inside / (stop - start).clamp(min=1)


def _sampled(inputs: Tensor, before: Tensor, floor: Tensor, taps: tuple[Tensor, ...], *, first: int) -> Tensor:
    """Taps from pixel ``floor + first`` on; those beyond the border count for the edge pixel."""
    total = torch.zeros((), device=inputs.device)
    for offset, weight in enumerate(taps, start=first):
        place = torch.minimum((floor + offset).clamp(min=0), before - 1)
        total = total + weight * (inputs == place)
    return total


def _cubic_taps(fraction: Tensor) -> tuple[Tensor, ...]:
    """Keys' kernel at the four nearest pixels."""
    return (
        _outer(1 + fraction),
        _inner(fraction),
        _inner(1 - fraction),
        _outer(2 - fraction),
    )


def _inner(distance: Tensor) -> Tensor:
    return ((_CUBIC + 2) * distance - (_CUBIC + 3)) * distance * distance + 1


def _outer(distance: Tensor) -> Tensor:
    return ((_CUBIC * distance - 5 * _CUBIC) * distance + 8 * _CUBIC) * distance - 4 * _CUBIC
