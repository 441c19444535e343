"""One measured thing: what was found, compared with what, and its goal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from benchmarks.timing import Spread

PUBLISHED = "published code"
FLOOR_TOLERANCE = 1.05  # what two measurements of the same thing differ by


@dataclass(frozen=True)
class Goal:
    """What is wished for.

    Attributes:
        of: ``speedup``, the peer's median over ours, at least; ``share``, ours over the peer's, or ``value``, our
            median, at most.
        limit: the smallest or largest that meets the goal.
    """

    of: Literal["speedup", "share", "value"]
    limit: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table. Figures are in ``unit``, and less is better.

    Attributes:
        key: by which it is found in a file of results.
        name: what was measured, with its sizes.
        sizes: the sizes in the name.
        unit: of ``ours``, ``peer`` and ``floor``.
        ours: this project's.
        peer: what ``ours`` is compared with; None if that did not run.
        peer_name: what the peer is.
        rounds: repeats behind each spread.
        goal: None where none is set.
        floor: the best this machine could do; None if that is not known.
        floor_name: how the floor was found.
        losses: figures of both sides that show that both computed the same, by side and name.
        note: what a reader must know.
    """

    key: str
    name: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    unit: str
    ours: Spread
    peer: Spread | None = None
    peer_name: str = PUBLISHED
    rounds: int = 1
    goal: Goal | None = None
    floor: float | None = None
    floor_name: str | None = None
    losses: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    note: str | None = None

    @property
    def ratio(self) -> float | None:
        """The peer's median over ours: how many times better ours is."""
        return None if self.peer is None or self.ours.median == 0 else self.peer.median / self.ours.median

    @property
    def floor_reached(self) -> float | None:
        """The floor over our median: 1 is the best possible."""
        return None if self.floor is None or self.ours.median == 0 else self.floor / self.ours.median

    @property
    def fastest(self) -> float:
        """The shortest repeat of either side."""
        return min(side.min for side in (self.ours, self.peer) if side is not None)

    @property
    def beats_floor(self) -> bool:
        """Whether a repeat was faster than the best possible, which only a wrong floor allows."""
        return self.floor is not None and self.floor > FLOOR_TOLERANCE * self.fastest

    @property
    def figure(self) -> float | None:
        """What the goal is about; None without a goal, or if the peer did not run."""
        if self.goal is None or self.goal.of == "value":
            return None if self.goal is None else self.ours.median
        if self.goal.of == "speedup" or not self.ratio:
            return self.ratio
        return 1 / self.ratio

    @property
    def reached(self) -> bool | None:
        """Whether the goal is met; None where there is no figure."""
        if self.goal is None or self.figure is None:
            return None
        return self.figure >= self.goal.limit if self.goal.of == "speedup" else self.figure <= self.goal.limit

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        spreads = {side: each and each._asdict() for side, each in (("ours", self.ours), ("peer", self.peer))}
        derived = {"reached": self.reached, "ratio": self.ratio, "floor_reached": self.floor_reached}
        return {**asdict(self), **spreads, **derived}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Row:
        """The row that ``as_dict`` made these values of."""
        given = {name: values[name] for name in cls.__dataclass_fields__}
        given |= {side: given[side] and Spread(**given[side]) for side in ("ours", "peer")}
        return cls(**given | {"goal": given["goal"] and Goal(**given["goal"])})
