"""Losses that look at colours rather than detail."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge
from torch import Tensor, nn

from esrgan_train.bounds import Wanted, bounded

Window = Annotated[int, Ge(2), Wanted("pixels a side, such as 8")]

# Oklab: linear RGB to cone responses, and their cube roots to lightness and the two colour axes.
# Source: Ottosson, "A perceptual color space for image processing", 2020 (the matrices of 2021-01-25).
_TO_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)
_DARKEST = 1e-4  # cone response below which the cube root goes on as a line: its slope would grow without bound


class MeanColourLoss(nn.Module):
    """The mean absolute difference of the colours of squares, each the mean of its pixels.

    Detail does not count, so it holds colours and brightness while other losses move textures.

    Args:
        window: side of the squares, in pixels of the output; what does not fill one at the right and the bottom
            is left out.

    Shape:
        two (B, C, H, W) around [0, 1], H and W at least ``window`` → float32 scalar.
    """

    @bounded
    def __init__(self, *, window: Window = 8) -> None:
        super().__init__()
        self.window = window

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return F.avg_pool2d(sr.float() - hr.float(), self.window).abs().mean()


class ChromaLoss(nn.Module):
    """The mean distance in Oklab's colour plane, (a, b): of hue and saturation, not of lightness.

    Distances, unlike angles of hue, see a tint on gray as well, and stay smooth there. Pictures of one channel
    have no such colours: the loss is refused for them.

    Shape:
        two (B, 3, H, W), RGB around [0, 1] → float32 scalar; 0.3 lies between sRGB's pure red and gray.
    """

    needs_colour = True

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        difference = rgb_to_oklab(sr)[:, 1:] - rgb_to_oklab(hr)[:, 1:]
        return difference.square().sum(dim=1).add(1e-12).sqrt().mean()


def rgb_to_oklab(rgb: Tensor) -> Tensor:
    """Oklab of sRGB, smooth everywhere: values outside [0, 1] continue, and the cube roots are linear near black.

    Shape:
        (B, 3, H, W), RGB around [0, 1] → (B, 3, H, W) float32: lightness in [0, 1], a and b within about ±0.32.
    """
    # Sums of planes, not a product: that might run in TF32 or, under autocast, in bf16.
    cones = _mixed(_linear(rgb.float()), _TO_CONES)
    slope, root = _DARKEST ** (1 / 3) / _DARKEST, cones.clamp(min=_DARKEST).pow(1 / 3)
    return _mixed(torch.where(cones > _DARKEST, root, cones * slope), _TO_OKLAB)


def _linear(srgb: Tensor) -> Tensor:
    """Light intensity of sRGB values (IEC 61966-2-1)."""
    curve = ((srgb.clamp(min=0.04045) + 0.055) / 1.055).pow(2.4)
    return torch.where(srgb > 0.04045, curve, srgb / 12.92)


def _mixed(planes: Tensor, matrix: tuple[tuple[float, float, float], ...]) -> Tensor:
    one, two, three = planes.unbind(dim=1)
    return torch.stack([a * one + b * two + c * three for a, b, c in matrix], dim=1)
