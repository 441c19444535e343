"""How a network of one channel enlarges colours."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from esrgan_train.images.colour import luma
from esrgan_train.inference.baseline import enlarge_bicubic


def on_colours(network: Callable[[Tensor], Tensor], scale: int, number: torch.dtype) -> Callable[[Tensor], Tensor]:
    """A network of one channel as one of RGB: it enlarges luma, and bicubic interpolation the colours.

    What luma lacks of red, green and blue is enlarged, which is the same as enlarging Cb and Cr: all are linear.
    Gray stays gray exactly. Colours are computed in float32, and the network in ``number``.

    Shape:
        (B, 3, h, w) float32 in [0, 1] → (B, 3, h·scale, w·scale) float32.
    """

    def enlarge(rgb: Tensor) -> Tensor:
        y = luma(*rgb.chunk(3, dim=1))
        return network(y.to(number)).float() + enlarge_bicubic(rgb - y, scale)

    return enlarge
