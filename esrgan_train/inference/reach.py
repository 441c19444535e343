"""How far a network looks: measured by changing a block of a picture.

NaN makes everything that is computed from it NaN, whatever the weights and activations: one block of it shows the
whole reach. Only operations that replace it (max, in some runtimes) hide it, so numbers are changed too, a little
and a lot. Networks with windows, or with a lower resolution inside, give another result for a picture that starts
elsewhere; the number of pixels by which it may be moved is the step.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MULTIPLES = (1, 2, 4, 8, 16, 32)  # what a picture's sides may have to be multiples of
# The block lies in the middle of a picture. Both numbers are multiples of what most sides have to be.
FARTHEST, _BLOCK = 48, 16
_SIDE = 2 * FARTHEST + _BLOCK


def noise(height: int, width: int, channels: int = 3) -> Tensor:
    """(1, channels, height, width) in [0, 1], the same each time."""
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(height))


def run(network: nn.Module, lr: Tensor) -> Tensor:
    """The network's output for a copy of the picture, since it may work in place.

    Raises:
        ValueError: the network raised anything, or made no tensor of four dimensions; the message is one line.
    """
    try:
        sr = network(lr.clone())
    except Exception as error:  # a size that it does not take can raise anything
        raise ValueError(next(iter(str(error).splitlines()), type(error).__name__)) from error
    if not isinstance(sr, Tensor) or sr.ndim != 4:
        raise ValueError(f"{type(sr).__name__} is no picture")
    return sr


def measure_reach(
    network: nn.Module, *, scale: int, multiple: int, rounding: float, channels: int = 3
) -> tuple[int, int] | None:
    """How many pixels away an input pixel still changes an output pixel, and in what steps tiles may start.

    Args:
        network: in evaluation mode and float32 on the CPU.
        scale: its enlargement.
        multiple: see ``Geometry``.
        rounding: what counts as rounding, as a part of the largest value.
        channels: of its pictures.

    Returns:
        The radius in pixels, a multiple of the step, and the step, a multiple of ``multiple``. None if the reach
        does not end within ``FARTHEST`` pixels, or the network does not take these pictures.
    """
    lr, block = noise(_SIDE, _SIDE, channels), noise(_BLOCK, _BLOCK, channels)
    try:
        changed = _changed(run(network, _altered(lr, math.nan)).isnan(), scale)
        if _in_units(changed, 1) >= FARTHEST:
            return None
        sr = run(network, lr)
        for other in (block, 1e4 * block):
            changed |= _changed(run(network, _altered(lr, other)) != sr, scale)
    except ValueError:
        return None
    if _in_units(changed, 1) >= FARTHEST:
        return None
    for step in (step for step in MULTIPLES if multiple <= step <= _BLOCK):
        radius = step * _in_units(changed, step)
        try:
            later = run(network, lr[..., step:, step:])
        except ValueError:
            continue
        # Out of sight of its new edges, a picture that starts later must be enlarged the same.
        expected = sr[..., (step + radius) * scale :, (step + radius) * scale :]
        found = later[..., radius * scale :, radius * scale :]
        if (found - expected).abs().max() <= rounding * expected.abs().max():
            return radius, step
    return None


def _altered(lr: Tensor, block: Tensor | float) -> Tensor:
    altered = lr.clone()
    altered[..., FARTHEST:-FARTHEST, FARTHEST:-FARTHEST] = block
    return altered


def _changed(differs: Tensor, scale: int) -> Tensor:
    """Per pixel of the input, whether any value of its enlargement differs; (side, side)."""
    return nn.functional.max_pool2d(differs.any(1, keepdim=True).float(), scale)[0, 0] > 0


def _in_units(changed: Tensor, unit: int) -> int:
    """How many units of ``unit`` pixels the changed pixels lie away from the block, at most."""
    rows, columns = (torch.nonzero(changed.any(axis)).flatten() // unit for axis in (1, 0))
    if not len(rows):
        return 0
    first, last = FARTHEST // unit, (_SIDE - FARTHEST) // unit - 1
    return max(0, *(int(max(first - places.min(), places.max() - last)) for places in (rows, columns)))
