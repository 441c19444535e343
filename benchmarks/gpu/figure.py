"""One line of the kit's table: what was found, beside what, and its goal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["failed", "missed", "met", "passed", "measured"]
BAD: tuple[Verdict, ...] = ("failed", "missed")  # what the exit status counts


@dataclass(frozen=True)
class Goal:
    """What is wished for on a GPU: ``ours`` at least or at most this much."""

    side: Literal["least", "most"]
    limit: float

    def met(self, value: float) -> bool:
        """Whether a value reaches it."""
        return value >= self.limit if self.side == "least" else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.side == 'least' else '≤'} {self.limit:g}"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A line of the table.

    Attributes:
        key: by which it is found in the file.
        name: what was tested or measured, with its sizes.
        unit: of ``ours`` and ``peer``; empty for a test.
        ours: this project's; None for a test, and where ``error`` says why.
        peer: the published trainer's, in the same run.
        goal: compared on a GPU alone.
        note: what a reader must know, such as why there is no peer.
        error: why there is no figure, or why a test failed, in one line.
    """

    key: str
    name: str
    unit: str = ""
    ours: float | None = None
    peer: float | None = None
    goal: Goal | None = None
    note: str = ""
    error: str = ""

    def verdict(self, device: str) -> Verdict:
        """What the line says, on a device of that type."""
        if self.error:
            return "failed"
        if self.ours is None:
            return "passed" if not self.unit else "measured"
        if self.goal is None or device != "cuda":
            return "measured"
        return "met" if self.goal.met(self.ours) else "missed"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Figure:
        """The figure that ``as_dict`` made these values of."""
        return cls(**{**values, "goal": values["goal"] and Goal(**values["goal"])})


def one_line(error: BaseException) -> str:
    """An exception as it stands in the table."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
