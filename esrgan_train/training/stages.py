"""The stages of a training: which losses count in them, and in which iterations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Literal

from torch import Tensor
from torch.profiler import record_function

from esrgan_train.bounds import Count, NonNegative, WholeNumber, check_fields
from esrgan_train.losses.adversarial import AdversarialLoss
from esrgan_train.training.precision import Precision

Weight = NonNegative  # of a term in the generator's loss
Iterations = WholeNumber  # before a stage starts, or of a warm-up
StageName = Literal["pixel", "gan"]
STAGE_NAMES: dict[StageName, str] = {"pixel": "pixel stage", "gan": "GAN stage"}
LEARNING_RATES: dict[StageName, str] = {"pixel": "optimizer.pixel_lr", "gan": "optimizer.lr"}  # their options


@dataclass(frozen=True, kw_only=True)
class Term:
    """A loss between the generated images and their target.

    A function with ``takes`` is given more images after the target, by name: ``lr``, (B, 3, h, w), ``ema_sr``,
    the averaged generator's output, (B, 3, H, W), or ``teacher_sr``, the teacher's.
    """

    name: str  # of its options, and of its values in the log
    function: Callable[..., Tensor]  # (sr, target, …), both (B, 3, H, W), to a scalar; sr is not clamped
    weight: Weight
    target: Literal["hr", "hr_target"] = "hr_target"  # which is sharpened where the recipe says so
    stages: tuple[StageName, ...] = ("pixel", "gan")  # in which it counts
    ramp: Iterations = 0  # over which the weight grows from 0, from the first in which it counts

    def __post_init__(self) -> None:
        check_fields(self, at=f"loss.{self.name}.")

    @property
    def takes(self) -> tuple[str, ...]:
        """What the function is given after the target."""
        return tuple(getattr(self.function, "takes", ()))


@dataclass(frozen=True, kw_only=True)
class AdversarialTerm:
    """The losses of a discriminator and of the generator against it; counts in the GAN stage.

    In the first ``discriminator_warmup`` iterations of the stage only the discriminator learns from it: an
    untrained one would lead a trained generator astray.
    """

    function: AdversarialLoss
    weight: Weight  # of the generator's loss; the discriminator's own loss has weight 1
    discriminator_warmup: Iterations = 0
    feature_matching: Weight = 0.0  # of the distance between its features of generated and of real images
    r1_weight: Weight = 0.0  # of half the R1 penalty in the discriminator's loss, see ``training.penalty``
    r1_interval: Count = 16  # it is computed in one iteration out of so many, and counts so many times
    name: str = "adversarial"  # of its options, and of the generator's loss in the log
    judge: str = "discriminator"  # name of the discriminator
    prefix: str = "d"  # of the discriminator's values in the log

    def __post_init__(self) -> None:
        check_fields(self, at=f"loss.{self.name}.")

    @property
    def features_name(self) -> str:
        """Of the distance between features in the log."""
        return f"{self.name}_features"


@dataclass(frozen=True)
class Stage:
    """A span of iterations with the losses that count in it."""

    name: StageName
    terms: tuple[Term, ...]  # at least one
    adversarial: tuple[AdversarialTerm, ...] = ()  # one for each discriminator
    start: int = 0  # iterations before it
    stop: int | None = None  # iterations when it is over; None for the last stage

    @property
    def generator_player(self) -> str:
        """Name of the generator's player: each stage starts with a fresh optimizer."""
        return "pixel" if self.name == "pixel" else "generator"

    def progress(self, done: int, max_steps: int) -> tuple[int, int]:
        """Iterations done in this stage, and iterations it has, after ``done`` of the run's ``max_steps``."""
        stop = max_steps if self.stop is None else min(self.stop, max_steps)
        return done - self.start, stop - self.start

    def adversarial_weight(self, term: AdversarialTerm, done: float = math.inf) -> float:
        """The weight in the generator's loss after ``done`` iterations; by default after the warm-up."""
        return term.weight if done >= self.start + term.discriminator_warmup else 0.0

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each loss in the generator's, by name."""
        content = {term.name: term.weight for term in self.terms}
        matched = {t.features_name: t.feature_matching for t in self.adversarial if t.feature_matching}
        return content | {term.name: term.weight for term in self.adversarial} | matched

    @property
    def takes(self) -> set[str]:
        """The images that its terms are given besides their targets."""
        return {name for term in self.terms for name in term.takes}

    def term_weight(self, term: Term, done: float = math.inf) -> float:
        """A term's weight after ``done`` iterations; by default after its ramp."""
        begun = 0 if "pixel" in term.stages else self.start
        return term.weight * min(1.0, (done - begun) / term.ramp) if term.ramp else term.weight

    def content(
        self, sr: Tensor, images: Mapping[str, Tensor], precision: Precision, done: float = math.inf
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum of the terms, and each without its weight for the log.

        Args:
            sr: (B, 3, H, W) float32, not clamped.
            images: each term's target, of the same shape, in [0, 1], and what ``takes`` names.
            precision: of the networks inside losses; all else is float32.
            done: iterations done, which weights with a ramp depend on.
        """
        values = {}
        for term in self.terms:
            inside = precision.autocast() if getattr(term.function, "holds_network", False) else nullcontext()
            with record_function(f"esrgan/{term.name} loss"), inside:
                values[term.name] = term.function(sr, images[term.target], *map(images.__getitem__, term.takes))
        return reduce(add, (self.term_weight(term, done) * values[term.name] for term in self.terms)), values
