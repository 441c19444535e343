"""A discriminator in an iteration: what it makes of images, and the losses that come of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from esrgan_train.processes import mean_over_processes
from esrgan_train.training.feature_tap import FeatureTap
from esrgan_train.training.penalty import gradient_penalty
from esrgan_train.training.precision import Precision
from esrgan_train.training.signs import discriminator_signs
from esrgan_train.training.stages import AdversarialTerm

Figures = dict[str, Tensor]  # scalars on the device, for the log


class Judged(NamedTuple):
    """What a discriminator makes of a batch."""

    logits: tuple[Tensor, ...]  # one for each of its outputs, float32
    features: tuple[Tensor, ...]  # of its convolutions, where they are matched; else none

    def detached(self) -> Judged:
        """The same without its graph."""
        return Judged(*(tuple(tensor.detach() for tensor in tensors) for tensors in self))


@dataclass(frozen=True)
class Judge:
    """A discriminator, its losses, and their weight for the generator: 0 while only the discriminator learns."""

    network: nn.Module
    term: AdversarialTerm
    weight: float
    tap: FeatureTap | None = None  # where features are matched

    @property
    def compares(self) -> bool:
        """Whether the generator's loss depends on what is made of real images too."""
        return self.tap is not None or is_relative(self.term.function)

    def of(self, images: Tensor, precision: Precision) -> Judged:
        """What it makes of images, (B, C, H, W)."""
        if self.tap is None:
            return Judged(precision.outputs(self.network, images), ())
        with self.tap as features:
            logits = precision.outputs(self.network, images)
        return Judged(logits, tuple(feature.float() for feature in features))

    def for_generator(self, fake: Judged, real: Judged | None) -> tuple[Tensor, Figures]:
        """The generator's weighted loss, for when it has a weight, and each part of it without its weight.

        Args:
            fake: of the generated images.
            real: of the real ones, without their graph; needed if it ``compares``.
        """
        name, function = self.term.name, self.term.function
        figures = {name: _mean(function.generator, fake, real)}
        loss = self.weight * figures[name]
        if self.tap is not None:
            assert real is not None
            figures[self.term.features_name] = _distance(fake.features, real.features)
            loss = loss + self.term.feature_matching * figures[self.term.features_name]
        return loss, figures

    def learn(self, real: Judged, fake: Judged, factor: float | Tensor) -> Figures:
        """Leave the discriminator its own gradients, times ``factor``."""
        function = self.term.function
        figures = {"real": _mean(function.real, real, fake), "fake": _mean(function.fake, fake, real)}
        loss = factor * (figures["real"] + figures["fake"])
        torch.autograd.backward(loss, inputs=list(self.network.parameters()))
        return self._named(figures | discriminator_signs(*self._positive_for_real(real, fake)))

    def penalize(self, real: Tensor, progress: float, factor: float | Tensor) -> Figures:
        """Add the gradients of the R1 penalty on real images, if its turn has come.

        Args:
            real: (B, C, H, W).
            progress: iterations of the stage that are done; infinity for one that has all parts.
            factor: of all losses.
        """
        term = self.term
        if not term.r1_weight:
            return {}
        if progress != float("inf") and progress % term.r1_interval:
            return self._named({"r1": real.new_zeros(())})
        penalty = term.r1_interval * gradient_penalty(self.network, real)
        torch.autograd.backward(factor * term.r1_weight / 2 * penalty, inputs=list(self.network.parameters()))
        return self._named({"r1": penalty})

    def _positive_for_real(self, real: Judged, fake: Judged) -> Iterator[Tensor]:
        """Logits that are above 0 where the images are taken for real: those of real ones, those of generated."""
        for logits, others in ((real.logits, fake.logits), (fake.logits, real.logits)):
            if is_relative(self.term.function):
                means = [mean_over_processes(other.detach().mean()) for other in others]
                logits = tuple(own - mean for own, mean in zip(logits, means, strict=True))
            yield logits[0] if len(logits) == 1 else torch.cat([each.flatten() for each in logits])

    def _named(self, figures: Figures) -> Figures:
        return {f"{self.term.prefix}_{name}": value for name, value in figures.items()}


def is_relative(function: object) -> bool:
    """Whether the terms of an adversarial loss are given the logits of the other side too."""
    return bool(getattr(function, "relative", False))


def _mean(term: Callable[..., Tensor], own: Judged, other: Judged | None) -> Tensor:
    """The mean over all outputs of a term of the loss."""
    if is_relative(getattr(term, "__self__", None)):
        assert other is not None
        losses = [term(*pair) for pair in zip(own.logits, other.logits, strict=True)]
    else:
        losses = [term(logits) for logits in own.logits]
    return losses[0] if len(losses) == 1 else torch.stack(losses).mean()


def _distance(fake: tuple[Tensor, ...], real: tuple[Tensor, ...]) -> Tensor:
    """The mean over layers of the mean absolute distance (Wang et al., "pix2pixHD", CVPR 2018, section 3.3)."""
    return torch.stack([(own - other).abs().mean() for own, other in zip(fake, real, strict=True)]).mean()
