"""How long each part of the kit may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


class Budget:
    """Seconds for all parts together; what one leaves over, those after it get.

    Args:
        seconds: for all.
        shares: of each part, by name, in their order; any positive numbers.
        clock: returns seconds.
    """

    def __init__(
        self, seconds: float, shares: Mapping[str, float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._shares = dict(shares)
        self._clock = clock
        self._end = clock() + seconds

    def allot(self, part: str) -> float:
        """Seconds that the next part may take: its share of what is left, among the parts not yet begun."""
        among = sum(self._shares.values())
        share = self._shares.pop(part) / among
        return max(0.0, share * (self._end - self._clock()))
