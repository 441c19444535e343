from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from esrgan_train.degradation.odds import pick, settle_odds
from esrgan_train.errors import UserError


@dataclass(frozen=True)
class Options:
    fruit: Mapping[str, float]

    def __post_init__(self) -> None:
        settle_odds(self, fruit=("apple", "pear", "plum"))


def test_names_are_drawn_by_their_odds():
    odds = Options({"plum": 3, "apple": 1}).fruit
    rng = np.random.default_rng(0)
    drawn = Counter(pick(odds, rng) for _ in range(4000))
    assert set(drawn) == {"apple", "plum"}
    assert drawn["plum"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_the_order_in_which_they_are_given_does_not_matter():
    one, other = Options({"plum": 3, "apple": 1}), Options({"apple": 1, "plum": 3})
    assert list(one.fruit.items()) == list(other.fruit.items())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cherry": 1}, "fruit.cherry=1: give fruit of apple, pear, plum"),
        ({"pear": -1}, "fruit.pear=-1: give a number from 0 on"),
        ({"pear": 0}, "fruit: all odds are 0; make at least one of apple, pear, plum positive"),
        ({}, "fruit: all odds are 0; make at least one of apple, pear, plum positive"),
    ],
)
def test_what_does_not_fit_is_named(given: dict[str, float], message: str):
    with pytest.raises(UserError) as raised:
        Options(given)
    assert str(raised.value) == message
