"""Mixup: two samples blended."""

from __future__ import annotations

import numpy as np
import torch

from esrgan_train.bounds import Positive, bounded
from esrgan_train.data.augment.pair import Pair, mixed


class Mixup:
    """λ·sample + (1 − λ)·partner, on LR and HR alike, λ ~ Beta(α, α).

    Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018. Blending is linear, as is reducing, so LR
    remains a degraded version of HR.

    Args:
        alpha: α. Large values blend about half and half, values near 0 hardly at all.
    """

    takes_partner = True

    @bounded
    def __init__(self, *, alpha: Positive) -> None:
        self.alpha = alpha

    def __call__(self, pair: Pair, partner: Pair, rng: np.random.Generator) -> Pair:
        """The two, blended."""
        weight = float(rng.beta(self.alpha, self.alpha))
        return mixed(pair, partner, lambda one, other, _: torch.lerp(other, one, weight))
