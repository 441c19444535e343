"""Luma, on which the field measures quality."""

from __future__ import annotations

from torch import Tensor


def rgb_to_y(rgb: Tensor) -> Tensor:
    """Luma of ITU-R BT.601 in limited range, unrounded.

    Y = (16 + 65.481·R + 128.553·G + 24.966·B) / 255, so black is 16/255 and white 235/255.

    Shape:
        rgb: (..., 3, H, W) floating point in [0,1] → (..., 1, H, W), from 16/255 to 235/255.

    Raises:
        ValueError: the third dimension from the end is not 3.
    """
    if rgb.ndim < 3 or rgb.shape[-3] != 3:
        raise ValueError(f"rgb is of shape {tuple(rgb.shape)}; pass (..., 3, H, W)")
    red, green, blue = (rgb.narrow(-3, channel, 1) for channel in range(3))
    return (16.0 + 65.481 * red + 128.553 * green + 24.966 * blue) / 255.0
