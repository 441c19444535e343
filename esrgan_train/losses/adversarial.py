"""Adversarial losses: what the generator and the discriminator want of the discriminator's logits.

Each kind has three terms, each a float32 scalar averaged over logits of any shape. The discriminator's loss
is ``real`` + ``fake``, not halved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor


class AdversarialLoss(Protocol):
    """What every kind offers."""

    def generator(self, fake_logits: Tensor) -> Tensor:
        """Return the generator's loss: how far its images are from being taken for real."""

    def real(self, real_logits: Tensor) -> Tensor:
        """Return the discriminator's loss on real images."""

    def fake(self, fake_logits: Tensor) -> Tensor:
        """Return the discriminator's loss on generated images."""


def cross_entropy(logits: Tensor, *, label: float) -> Tensor:
    """Return the binary cross-entropy between sigmoid(logits) and a label for all of them."""
    logits = logits.float()
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def squared_error(logits: Tensor, *, label: float) -> Tensor:
    """Return the mean of (logits − label)²."""
    return (logits.float() - label).square().mean()


def hinge(logits: Tensor, *, sign: float) -> Tensor:
    """Return the mean of max(0, 1 − sign·logits): zero beyond a margin of 1 on the side of ``sign``."""
    return F.relu(1 - sign * logits.float()).mean()


@dataclass(frozen=True)
class VanillaLoss:
    """Binary cross-entropy, the generator's in its non-saturating form (Goodfellow et al., NeurIPS 2014)."""

    def generator(self, fake_logits: Tensor) -> Tensor:
        """Cross-entropy with the label of real images."""
        return cross_entropy(fake_logits, label=1.0)

    def real(self, real_logits: Tensor) -> Tensor:
        """Cross-entropy with the label 1."""
        return cross_entropy(real_logits, label=1.0)

    def fake(self, fake_logits: Tensor) -> Tensor:
        """Cross-entropy with the label 0."""
        return cross_entropy(fake_logits, label=0.0)


@dataclass(frozen=True)
class LeastSquaresLoss:
    """Squared distance to the labels 1 and 0 (Mao et al., "Least Squares GAN", ICCV 2017)."""

    def generator(self, fake_logits: Tensor) -> Tensor:
        """Squared distance to the label of real images."""
        return squared_error(fake_logits, label=1.0)

    def real(self, real_logits: Tensor) -> Tensor:
        """Squared distance to 1."""
        return squared_error(real_logits, label=1.0)

    def fake(self, fake_logits: Tensor) -> Tensor:
        """Squared distance to 0."""
        return squared_error(fake_logits, label=0.0)


@dataclass(frozen=True)
class HingeLoss:
    """Margin of 1 for the discriminator, minus the mean logit for the generator (Lim and Ye, 2017)."""

    def generator(self, fake_logits: Tensor) -> Tensor:
        """Minus the mean logit: unbounded below."""
        return -fake_logits.float().mean()

    def real(self, real_logits: Tensor) -> Tensor:
        """Mean of max(0, 1 − logit)."""
        return hinge(real_logits, sign=1.0)

    def fake(self, fake_logits: Tensor) -> Tensor:
        """Mean of max(0, 1 + logit)."""
        return hinge(fake_logits, sign=-1.0)
