"""ResizeMix: another sample, reduced, as a box."""

from __future__ import annotations

import numpy as np
from torch import Tensor
from torch.nn import functional

from esrgan_train.bounds import bounded
from esrgan_train.data.augment.boxes import Sides, draw_box
from esrgan_train.data.augment.pair import Pair, mixed


class ResizeMix:
    """A box of the sample is the whole partner, reduced.

    Qin et al., "ResizeMix: Mixing Data with Preserved Object Information and True Labels", 2020. The partner's LR
    is reduced to the box and its HR to ``upscale`` times the box, by the same factor and with a triangle as wide
    as that factor asks for in either grid: what lay at one place of both does so afterwards. Its noise and
    artifacts are reduced as well, so the box is a milder degradation of a sharper picture.

    Args:
        sides: the least and the greatest side of the box, as shares of the crop's.
    """

    takes_partner = True

    @bounded
    def __init__(self, *, sides: Sides) -> None:
        self.sides = sides

    def __call__(self, pair: Pair, partner: Pair, rng: np.random.Generator) -> Pair:
        """The sample with the small partner in it."""
        height, width = pair.lr.shape[-2:]
        box = draw_box((height, width), self.sides, rng)

        def mix(one: Tensor, other: Tensor, upscale: int) -> Tensor:
            result = one.clone()
            size = [side * upscale for side in box.size]
            small = functional.interpolate(other[None], size=size, mode="bilinear", antialias=True)[0]
            box.of(result, upscale).copy_(small.clamp(0, 1))
            return result

        return mixed(pair, partner, mix)
