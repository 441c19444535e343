from __future__ import annotations

import pytest

from benchmarks.timing import Spread, interleaved, spread


def test_the_spread_is_smallest_middle_largest_in_the_unit_asked_for():
    assert spread([3.0, 1.0, 2.0, 10.0], scale=1000) == Spread(1000, 2500, 10000)
    with pytest.raises(ValueError, match="no repeats"):
        spread([])


def test_contenders_take_turns_and_the_order_turns_round():
    order: list[str] = []
    interleaved({name: lambda name=name: order.append(name) for name in "ab"}, rounds=3, warm_up=1)
    assert "".join(order) == "ab" + "ab" + "ba" + "ab"


def test_each_contender_gets_its_own_seconds():
    ticks = iter([0.0, 0.0, 2.0, 2.0, 7.0])
    seconds = interleaved({"a": lambda: None, "b": lambda: None}, rounds=1, warm_up=0, clock=lambda: next(ticks))
    assert seconds == {"a": [2.0], "b": [5.0]}


def test_no_round_begins_beyond_the_budget_once_there_is_a_spread():
    now = 0.0

    def clock() -> float:
        return now

    def slow() -> None:
        nonlocal now
        now += 10.0

    seconds = interleaved({"a": slow}, rounds=50, warm_up=0, budget_seconds=1.0, clock=clock)
    assert seconds == {"a": [10.0, 10.0]}
