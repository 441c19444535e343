"""Ranges to draw from, as types with bounds, and the rules between the options of a degradation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields
from typing import Annotated, Any, TypeVar

import numpy as np
from annotated_types import Ge, Le, Predicate

from esrgan_train.bounds import Wanted, check_fields
from esrgan_train.errors import UserError

Number = TypeVar("Number")


def _ascends(pair: tuple[Any, Any]) -> bool:
    return bool(pair[0] <= pair[1])


def _holds_one(pair: tuple[float, float]) -> bool:
    return pair[0] <= 1 <= pair[1]


def _is_odd(size: int) -> bool:
    return size % 2 == 1


Range = Annotated[tuple[Number, Number], Predicate(_ascends), Wanted("such as [low,high], ascending")]
Sizes = Range[Annotated[int, Ge(1), Le(99), Predicate(_is_odd), Wanted("an odd number of pixels from 1 to 99")]]
Sigmas = Range[Annotated[float, Ge(0.01), Le(1000)]]  # of blur, in pixels
Cutoffs = Range[Annotated[float, Ge(0.01), Le(1)]]  # as a fraction of the Nyquist frequency
Qualities = Range[Annotated[int, Ge(1), Le(100)]]  # of lossy pictures, as libjpeg and libwebp count
NoiseLevels = Range[Annotated[float, Ge(0), Le(255)]]  # of Gaussian noise, in 8-bit levels
PoissonScales = Range[Annotated[float, Ge(0), Le(1000)]]
Factors = Range[Annotated[float, Ge(0.1), Le(10)]]  # drawn evenly in their logarithm
Degrees = Range[Annotated[float, Ge(-360), Le(360)]]
Betas = Annotated[
    Range[Annotated[float, Ge(0.01), Le(100)]],
    Predicate(_holds_one),  # half the draws lie on either side of it
    Wanted("such as [0.5,4], ascending, with 1 inside"),
]


def settle(options: Any) -> None:
    """Give the fields of a frozen dataclass their final types, and check them by their annotations.

    Ranges arrive from Hydra as its own list type, which could be changed later; they become tuples.
    """
    for field in fields(options):
        value = getattr(options, field.name)
        if isinstance(value, Sequence) and not isinstance(value, (str, tuple)):
            object.__setattr__(options, field.name, tuple(value))
    check_fields(options)


def draw_factor(rng: np.random.Generator, factors: tuple[float, float]) -> float:
    """A factor of a range, evenly in its logarithm: a half is as likely as a double."""
    return math.exp(rng.uniform(math.log(factors[0]), math.log(factors[1])))


def check_odds(**odds: float) -> None:
    """`UserError` if all of the named weights are zero."""
    if not any(odds.values()):
        raise UserError(f"{', '.join(odds)} are all 0: make at least one of them positive")
