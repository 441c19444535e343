"""CutBlur: a part of the input that is not degraded."""

from __future__ import annotations

import numpy as np
from torch.nn import functional

from esrgan_train.bounds import bounded
from esrgan_train.data.augment.boxes import Sides, draw_box
from esrgan_train.data.augment.pair import Pair

_INSIDE_PROBABILITY = 0.5


class CutBlur:
    """In a box of LR, or outside of it, LR is clean: HR reduced by bicubic. HR stays as it is.

    The network learns where, and how much, to restore. Yoo et al., "Rethinking Data Augmentation for Image
    Super-resolution", CVPR 2020, paste HR itself into an LR enlarged beforehand; the input here is as small as
    LR, so what is pasted is HR reduced, the LR of a degradation that does nothing else (at ×1, HR itself). It is
    made of ``hr_target``, which the sample's LR is made of too.

    Args:
        sides: the least and the greatest side of the box, as shares of the crop's.
    """

    takes_partner = False

    @bounded
    def __init__(self, *, sides: Sides) -> None:
        self.sides = sides

    def __call__(self, pair: Pair, partner: None, rng: np.random.Generator) -> Pair:  # noqa: ARG002 (the contract)
        """The sample with a partly clean LR."""
        height, width = pair.lr.shape[-2:]
        box = draw_box((height, width), self.sides, rng)
        size = [height, width]
        clean = functional.interpolate(pair.hr_target[None], size=size, mode="bicubic", antialias=True)[0]
        outer, inner = pair.lr, clean.clamp(0, 1)
        if rng.random() >= _INSIDE_PROBABILITY:
            outer, inner = inner, outer
        lr = outer.clone()
        box.of(lr, 1).copy_(box.of(inner, 1))
        return pair._replace(lr=lr)
