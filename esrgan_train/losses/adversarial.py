"""Adversarial losses, from the logits of a discriminator.

Each has three terms, each a float32 scalar averaged over logits of any shape. The discriminator's loss is
``real`` + ``fake``, not halved. A loss with ``relative = True`` is given the logits of the other side too, as
second argument of each term.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from esrgan_train.processes import mean_over_processes


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


class RelativisticLoss:
    """Whether an image looks more real than the average of the other side: binary cross-entropy on the difference.

    The average is that of the whole batch, over all processes. The generator's loss is the mean of its two terms,
    so that its value, log 2 for a discriminator that sees no difference, and with it its weight, is that of
    ``VanillaLoss``.

    Source: Jolicoeur-Martineau, "The relativistic discriminator", ICLR 2019 (RaSGAN); Wang et al., "ESRGAN", 2018.
    """

    relative = True
    _plain = VanillaLoss()

    def generator(self, fake_logits: Tensor, real_logits: Tensor) -> Tensor:
        """Generated images shall look more real than real ones do."""
        return (self.real(fake_logits, real_logits) + self.fake(real_logits, fake_logits)) / 2

    def real(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """Cross-entropy of real − mean(generated) and label 1."""
        return self._plain.real(real_logits - _mean(fake_logits))

    def fake(self, fake_logits: Tensor, real_logits: Tensor) -> Tensor:
        """Cross-entropy of generated − mean(real) and label 0."""
        return self._plain.fake(fake_logits - _mean(real_logits))


def _mean(logits: Tensor) -> Tensor:
    return mean_over_processes(logits.float().mean())
