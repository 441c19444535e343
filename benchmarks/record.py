"""What is known of one measured thing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.timing import Spread


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. All of ours, the peer's and the floor are in ``unit``, and less is better.

    Attributes:
        name: what was measured, with its size.
        unit: of all figures.
        ours: this project's.
        peer: the published code's, or whatever else ``ours`` is compared with; None if it did not run.
        peer_name: what the peer is.
        rounds: repeats behind each spread.
        goal: largest or smallest ratio or value wished for, in words.
        reached: whether the goal is met; None without one, or if the peer did not run.
        floor: what the machine could do at best; None if that is not known.
        floor_name: how the floor was found.
        losses: figures of both sides that show that both computed the same, by side and name.
        note: what a reader must know.
    """

    name: str
    unit: str
    ours: Spread
    peer: Spread | None = None
    peer_name: str = "published code"
    rounds: int = 1
    goal: str | None = None
    reached: bool | None = None
    floor: float | None = None
    floor_name: str | None = None
    losses: dict[str, dict[str, float]] = field(default_factory=dict)
    note: str | None = None

    @property
    def ratio(self) -> float | None:
        """The peer's median over ours: how many times better ours is."""
        return None if self.peer is None or self.ours.median == 0 else self.peer.median / self.ours.median

    @property
    def floor_reached(self) -> float | None:
        """The floor over our median: 1 is the best possible."""
        return None if self.floor is None or self.ours.median == 0 else self.floor / self.ours.median

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        spreads = {
            name: getattr(self, name)._asdict() if getattr(self, name) else None for name in ("ours", "peer")
        }
        return {**asdict(self), **spreads, "ratio": self.ratio, "floor_reached": self.floor_reached}


def at_least(limit: float, value: float | None) -> bool | None:
    """Whether ``value`` is known and at least ``limit``."""
    return None if value is None else value >= limit


def ratio_of(peer: Spread | None, ours: Spread) -> float | None:
    """The peer's median over ours."""
    return None if peer is None else peer.median / ours.median
