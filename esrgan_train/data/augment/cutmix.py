"""CutMix: a box of another sample."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from esrgan_train.bounds import Positive, bounded
from esrgan_train.data.augment.boxes import draw_clipped_box
from esrgan_train.data.augment.pair import Pair, mixed


class CutMix:
    """A box of the sample is that of the partner, in LR and HR alike.

    The box has the share 1 − λ of the area, λ ~ Beta(α, α), round a centre anywhere; what lies outside is cut off.
    Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", ICCV 2019.

    Args:
        alpha: α; 1 draws every area alike.
    """

    takes_partner = True

    @bounded
    def __init__(self, *, alpha: Positive) -> None:
        self.alpha = alpha

    def __call__(self, pair: Pair, partner: Pair, rng: np.random.Generator) -> Pair:
        """The sample with the partner's box."""
        height, width = pair.lr.shape[-2:]
        box = draw_clipped_box((height, width), math.sqrt(1 - rng.beta(self.alpha, self.alpha)), rng)

        def mix(one: Tensor, other: Tensor, upscale: int) -> Tensor:
            result = one.clone()
            box.of(result, upscale).copy_(box.of(other, upscale))
            return result

        return mixed(pair, partner, mix)
