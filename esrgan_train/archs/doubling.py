"""Bilinear enlargement by two, whose gradient repeats itself bit for bit on a GPU.

The gradient of ``interpolate`` adds up with atomic operations there, in any order and slowly, bf16 above all. The
enlargement of either axis is a matrix with 0.25 and 0.75, exact in every format, and so two products do the same.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor


def double(x: Tensor) -> Tensor:
    """Enlarge an image bilinearly, pixels being areas; equal to ``interpolate`` up to rounding.

    A processor takes ``interpolate`` itself.

    Shape:
        (B, C, H, W) → (B, C, 2·H, 2·W), in the memory format of ``x``.
    """
    if x.device.type == "cpu":
        return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    return double_by_products(x)


def double_by_products(x: Tensor) -> Tensor:
    """``double`` on a GPU: rows, then columns, in the order in which the values lie in memory."""
    batch, channels, height, width = x.shape
    down, across = (_matrix(size, x.device, x.dtype) for size in (height, width))
    if x.is_contiguous(memory_format=torch.channels_last):
        rows = torch.bmm(down.expand(batch, -1, -1), x.permute(0, 2, 3, 1).reshape(batch, height, -1))
        pixels = rows.view(2 * batch * height, width, channels)
        columns = torch.bmm(across.expand(len(pixels), -1, -1), pixels)
        return columns.view(batch, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)
    planes = x.reshape(-1, height, width)
    rows = torch.bmm(down.expand(len(planes), -1, -1), planes)
    return (rows.view(-1, width) @ across.T).view(batch, channels, 2 * height, 2 * width)


def _matrix(size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """What enlarges ``size`` values: (2·size, size)."""
    return (_make if torch.compiler.is_compiling() else _kept)(size, device, dtype)


def _make(size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    unit = torch.eye(size, device=device)[None]  # made on the device: nothing is copied there
    doubled = F.interpolate(unit, scale_factor=2.0, mode="linear", align_corners=False)
    return doubled[0].T.to(dtype).contiguous()


@lru_cache(maxsize=64)
def _kept(size: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    with torch.inference_mode(mode=False), torch.no_grad():  # it must serve training too
        return _make(size, device, dtype)
