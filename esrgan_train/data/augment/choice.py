"""Which augmentation a sample gets, if any: a pure function of (seed, n)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from esrgan_train.data.augment.pair import Pair
from esrgan_train.data.stream import Purpose, sample_rng
from esrgan_train.errors import UserError

# (sample, partner or None, rng) → sample, see docs/data.md; ``contracts.augmentation`` tries those of others.
Alter = Callable[[Pair, Pair | None, np.random.Generator], Pair]

_ROUNDING = 1e-9  # of a sum of probabilities


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """A way to alter samples.

    Attributes:
        name: below ``augmentation`` in the configuration.
        prob: share of the samples that it alters.
        function: alters one. With ``takes_partner = True`` it is given a second sample, otherwise None.
    """

    name: str
    prob: float
    function: Alter

    @property
    def takes_partner(self) -> bool:
        """Whether a second sample is made for it."""
        return bool(getattr(self.function, "takes_partner", False))


class Drawn(NamedTuple):
    """What happens to a sample; to be carried out once, since ``rng`` then has moved on."""

    augmentation: Augmentation
    rng: np.random.Generator

    def __call__(self, pair: Pair, partner: Pair | None) -> Pair:
        """The altered sample; its ``hr_target`` is ``hr`` itself where it was."""
        altered = Pair(*self.augmentation.function(pair, partner, self.rng))
        return altered._replace(hr_target=altered.hr) if pair.hr_target is pair.hr else altered


class Augmentations:
    """Alters each sample in at most one way, whatever the order in which the ways are given.

    Raises:
        UserError: their probabilities are more than 1 in all.
    """

    def __init__(self, choices: Sequence[Augmentation], *, seed: int) -> None:
        self.choices = sorted(choices, key=lambda choice: choice.name)
        self.seed = seed
        whole = math.fsum(choice.prob for choice in choices)
        if whole > 1 + _ROUNDING:
            given = " + ".join(f"augmentation.{choice.name}.prob={choice.prob:g}" for choice in self.choices)
            raise UserError(
                f"{given} is {whole:g}, but a sample is altered in one way at most: give probabilities of no more "
                "than 1 in all"
            )

    @property
    def take_partners(self) -> bool:
        """Whether any sample needs a second one."""
        return any(choice.takes_partner for choice in self.choices)

    def draw(self, n: int) -> Drawn | None:
        """What happens to sample ``n``; None if it stays as it is."""
        rng = sample_rng(self.seed, n, purpose=Purpose.AUGMENTATION)
        left = rng.random()
        for choice in self.choices:
            left -= choice.prob
            if left < 0:
                return Drawn(choice, rng)
        return None

    def __str__(self) -> str:
        return ", ".join(f"{choice.name} {choice.prob:.3g}" for choice in self.choices)
