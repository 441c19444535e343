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
        (B, C, h, w); beyond an image's size the canvas is 0.
    """
    (height, width), (rows, columns) = images.shape[2:], canvas
    # Both axes at once: half the kernels.
    both = _weights(torch.cat(before), torch.cat(after), modes.repeat(2), max(height, width), max(canvas))
    down, across = both[: len(images), :rows, :height], both[len(images) :, :columns, :width]
    # Each channel by the same matrices, which are copied for that: they are smaller than the images.
    return down[:, None] @ images @ across.transpose(1, 2)[:, None]


def _weights(before: Tensor, after: Tensor, modes: Tensor, length: int, canvas: int) -> Tensor:
    """What each input pixel counts for each output pixel, (B, canvas, length), of sizes and modes (B,)."""
    outputs = torch.arange(canvas, device=before.device)[:, None]
    inputs = torch.arange(length, device=before.device)
    before, after, modes = before[:, None, None], after[:, None, None], modes[:, None, None]
    area = _area(outputs, inputs, before, after)
    sampled = _sampled(outputs, inputs, before, after, cubic=modes == RESIZE_MODES.index("bicubic"))
    weights: Tensor = torch.where(modes == RESIZE_MODES.index("area"), area, sampled) * (outputs < after)
    return weights


def _area(outputs: Tensor, inputs: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Means of input pixels ⌊i·n/m⌋ to ⌈(i+1)·n/m⌉ − 1."""
    start = (outputs * before).div(after, rounding_mode="floor")
    stop = -((outputs + 1) * -before).div(after, rounding_mode="floor")
    return ((inputs >= start) & (inputs < stop)) / (stop - start)


def _sampled(outputs: Tensor, inputs: Tensor, before: Tensor, after: Tensor, *, cubic: Tensor) -> Tensor:
    """Weights of the four nearest pixels by their distance; those beyond a border count for the edge pixel."""
    # Whole numbers up to the fraction: the position is exact to its last digit.
    twice = (2 * outputs + 1) * before - after
    floor = twice.div(2 * after, rounding_mode="floor")
    fraction = (twice - 2 * after * floor) / (2 * after)
    offsets = torch.arange(-1, 3, device=inputs.device)
    distances = (fraction - offsets).abs()  # (B, canvas, 4)
    weights = torch.where(cubic, _keys(distances), (1 - distances).clamp(min=0))
    places = torch.minimum((floor + offsets).clamp(min=0), before - 1)
    return (weights[..., None] * (inputs == places[..., None])).sum(dim=2)


def _keys(distances: Tensor) -> Tensor:
    """The cubic kernel of Keys, "Cubic convolution interpolation for digital image processing", 1981."""
    inner = ((_CUBIC + 2) * distances - (_CUBIC + 3)) * distances * distances + 1
    outer = ((_CUBIC * distances - 5 * _CUBIC) * distances + 8 * _CUBIC) * distances - 4 * _CUBIC
    return torch.where(distances <= 1, inner, outer)
