"""Timing: repeats that take turns, and their spread."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

MIN_ROUNDS = 2  # below this there is no spread to speak of


class Spread(NamedTuple):
    """Smallest, middle and largest of some repeats, in the unit of their row."""

    min: float
    median: float
    max: float


def spread(values: Sequence[float], *, scale: float = 1.0) -> Spread:
    """The spread of at least one value, each times ``scale``."""
    if not values:
        raise ValueError("no repeats: there must be at least one")
    return Spread(min(values) * scale, statistics.median(values) * scale, max(values) * scale)


def interleaved(
    contenders: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    warm_up: int = 1,
    budget_seconds: float = float("inf"),
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Seconds of each contender in each round; in a round every contender runs once.

    Taking turns spreads whatever else the machine does over all of them. The order is reversed from one round to
    the next, so that none always runs on what the same other one left in the caches.

    Args:
        contenders: what to run, by name.
        rounds: how often, at least 1.
        warm_up: untimed rounds before.
        budget_seconds: no round starts after this time, once ``MIN_ROUNDS`` are done.
        clock: returns seconds.
    """
    for _ in range(warm_up):
        for run in contenders.values():
            run()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    began = clock()
    for number in range(rounds):
        if number >= MIN_ROUNDS and clock() - began > budget_seconds:
            break
        names = list(contenders)
        for name in names if number % 2 == 0 else reversed(names):
            start = clock()
            contenders[name]()
            seconds[name].append(clock() - start)
    return seconds


def best_of(run: Callable[[], object], repeats: int = 5) -> float:
    """The shortest of some repeats in seconds, after one that does not count."""
    return min(interleaved({"": run}, rounds=repeats)[""])
