"""The file of results: for each set, where it lay and what was held of it, the figures of each round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.results import read_record, write_json
from benchmarks.timing import Spread, spread

Place = Literal["folder", "S3"]
State = Literal["cold", "warm"]


@dataclass(frozen=True)
class Case:
    """A set of ``entries`` entries, where it lies, and whether what is read was read before."""

    entries: int
    place: Place
    state: State


@dataclass(frozen=True)
class Sizes:
    """What is measured on.

    Attributes:
        side: of an entry, in pixels.
        gt_size: side of the HR crop in pixels.
        samples: that a visit takes.
        cache_gb: most bytes of the cache of sets that lie elsewhere, in GB.
    """

    side: int
    gt_size: int
    samples: int
    cache_gb: float


@dataclass(frozen=True)
class Measured:
    """What a file holds.

    Attributes:
        machine: as ``machine.describe_machine``.
        sizes: what was measured on.
        visits: of each case, one for each round, as ``visit`` returns them.
    """

    machine: Mapping[str, Any]
    sizes: Sizes
    visits: Mapping[Case, Sequence[Mapping[str, float]]]

    def spread_of(self, case: Case, figure: str, *, scale: float = 1.0) -> Spread:
        """A figure of a case over its rounds."""
        return spread([visit[figure] for visit in self.visits[case]], scale=scale)


def read(path: Path) -> Measured | None:
    """What a file holds; None if there is none.

    Raises:
        UserError: it is no such file.
    """
    return read_record(path, "python -m benchmarks.million", _parsed)


def _parsed(content: Any) -> Measured:
    visits = {Case(**entry["case"]): entry["visits"] for entry in content["cases"]}
    return Measured(content["machine"], Sizes(**content["sizes"]), visits)


def write(path: Path, measured: Measured) -> None:
    """Write everything as JSON."""
    cases = [{"case": asdict(case), "visits": visits} for case, visits in measured.visits.items()]
    content = {"machine": measured.machine, "sizes": asdict(measured.sizes), "cases": cases}
    write_json(path, content)
