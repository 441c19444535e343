"""Choices by name with their odds: relative weights, which need not sum to 1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from esrgan_train.bounds import NonNegative, check_value
from esrgan_train.errors import UserError

Name = TypeVar("Name", bound=str)


def settle_odds(options: Any, **names: Sequence[str]) -> None:
    """Make fields of a frozen dataclass plain dictionaries of odds, in the order of ``names``.

    So what is drawn does not depend on the order in which a configuration lists them. A name that is left out
    has odds of 0.

    Raises:
        UserError: an unknown name, odds below 0, or all of them 0.
    """
    for field, known in names.items():
        given: Mapping[str, float] = getattr(options, field)
        for name, weight in given.items():
            if name not in known:
                raise UserError(f"{field}.{name}={weight}: give {field} of {', '.join(known)}")
            check_value(f"{field}.{name}", weight, NonNegative)
        if not any(given.values()):
            raise UserError(f"{field}: all odds are 0; make at least one of {', '.join(known)} positive")
        object.__setattr__(options, field, {name: float(given.get(name, 0)) for name in known})


def pick(odds: Mapping[Name, float], rng: np.random.Generator) -> Name:
    """One of the names; it takes one number from rng whatever the odds are."""
    names = list(odds)
    limits = np.cumsum(list(odds.values()))
    place = int(np.searchsorted(limits, rng.random() * limits[-1], side="right"))
    return names[place]
