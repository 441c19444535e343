"""Adversarial losses, from the logits of a discriminator.

Each has three terms, each a float32 scalar averaged over logits of any shape. The discriminator's loss is
``real`` + ``fake``, not halved.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor


class AdversarialLoss(Protocol):
    """The terms of each loss."""

    def generator(self, fake_logits: Tensor, /) -> Tensor:
        """Return the generator's loss on its images."""

    def real(self, real_logits: Tensor, /) -> Tensor:
        """Return the discriminator's loss on real images."""

    def fake(self, fake_logits: Tensor, /) -> Tensor:
        """Return the discriminator's loss on generated images."""


class _LabelLoss:
    """A distance to label 1 for real and 0 for generated images; the generator aims at 1."""

    def distance(self, logits: Tensor, label: float) -> Tensor:
        raise NotImplementedError

    def real(self, logits: Tensor) -> Tensor:
        return self.distance(logits.float(), 1.0)

    def fake(self, logits: Tensor) -> Tensor:
        return self.distance(logits.float(), 0.0)

    generator = real


class VanillaLoss(_LabelLoss):
    """Binary cross-entropy, the generator's in its non-saturating form (Goodfellow et al., NeurIPS 2014)."""

    def distance(self, logits: Tensor, label: float) -> Tensor:
        """Mean cross-entropy between sigmoid(logits) and the label."""
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


class LeastSquaresLoss(_LabelLoss):
    """Mean squared distance to the labels (Mao et al., "Least Squares GAN", ICCV 2017)."""

    def distance(self, logits: Tensor, label: float) -> Tensor:
        """Mean of (logits − label)²."""
        return (logits - label).square().mean()


class HingeLoss:
    """Margin of 1 for the discriminator, minus the mean logit for the generator (Lim and Ye, 2017)."""

    def generator(self, fake_logits: Tensor) -> Tensor:
        """Minus the mean logit: unbounded below."""
        return -fake_logits.float().mean()

    def real(self, real_logits: Tensor) -> Tensor:
        """Mean of max(0, 1 − logit)."""
        return F.relu(1 - real_logits.float()).mean()

    def fake(self, fake_logits: Tensor) -> Tensor:
        """Mean of max(0, 1 + logit)."""
        return F.relu(1 + fake_logits.float()).mean()
