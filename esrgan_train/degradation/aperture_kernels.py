"""Kernels of moving and of defocused cameras, as `kernels` has those of the published families."""

from __future__ import annotations

import math

import numpy as np

from esrgan_train.degradation.kernels import Kernel

_POINTS = 16  # along a pixel
_EDGE = 1e-9  # points of an aperture's rim belong to it, whatever their rounding


def motion_kernel(*, length: float, angle: float) -> Kernel:
    """A line of that length in pixels through the centre, ``angle`` radians from the x axis to the y axis.

    Points on it are shared bilinearly by the pixels around them, so any length and angle is exact in its sum and
    mean; the variance along the line is length²/12, and at most 1/4 pixel² of interpolation.
    """
    count = math.ceil(length * _POINTS) + 1
    along = ((np.arange(count) + 0.5) / count - 0.5) * length
    reach = math.ceil(length / 2)
    kernel = np.zeros((2 * reach + 3, 2 * reach + 3))  # a ring of room for points at the very end
    x, y = along * math.cos(angle) + reach + 1, along * math.sin(angle) + reach + 1
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    x, y = x - left, y - top
    for down, right, share in ((0, 0, (1 - y) * (1 - x)), (0, 1, (1 - y) * x), (1, 0, y * (1 - x)), (1, 1, y * x)):
        np.add.at(kernel, (top + down, left + right), share)
    return np.ascontiguousarray(kernel[1:-1, 1:-1] / kernel.sum())


def lens_kernel(*, radius: float, blades: int = 0, angle: float = 0.0) -> Kernel:
    """A defocused point: a disc of that radius in pixels, or a regular polygon of ``blades`` corners on its rim.

    Each pixel has the share of its area that is inside, of 16 × 16 points. ``angle``, in radians, turns a polygon.
    """
    side = 2 * max(math.ceil(radius - 0.5), 0) + 1
    axis = (np.arange(side * _POINTS) + 0.5) / _POINTS - side / 2
    x, y = axis, axis[:, None]
    if blades:
        turns = angle + 2 * math.pi * (np.arange(blades) + 0.5) / blades  # of the edges' normals
        limit = radius * math.cos(math.pi / blades) + _EDGE
        inside = np.ones((len(axis), len(axis)), dtype=bool)
        for turn in turns:
            inside &= math.cos(turn) * x + math.sin(turn) * y <= limit
    else:
        inside = x**2 + y**2 <= radius**2 + _EDGE
    kernel = inside.reshape(side, _POINTS, side, _POINTS).mean((1, 3))
    return np.asarray(kernel / kernel.sum())
