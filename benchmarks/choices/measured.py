"""The file of results: what was measured, a record for each row and seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.choices.job import Settings
from benchmarks.results import read_record, write_json
from esrgan_train.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Record:
    """One run.

    Attributes:
        choice: the name of its row.
        seed: of the run.
        seconds_per_iteration: the median of those that it logged.
        side_by_side: how many runs shared the machine at most.
        precision: in which it trained.
        figures: on held-out photos after its last iteration, by name, see ``scores.score``.
        command: what trains it again.
        machine: see ``machine.describe_machine``.
    """

    choice: str
    seed: int
    seconds_per_iteration: float
    side_by_side: int
    precision: str
    figures: Mapping[str, float]
    command: str
    machine: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """What a file holds; ``records`` in the order in which the runs ended."""

    settings: Settings
    records: tuple[Record, ...] = ()

    def has(self, choice: str, seed: int) -> bool:
        """Whether that run was measured."""
        return any((record.choice, record.seed) == (choice, seed) for record in self.records)

    def of(self, choice: str) -> dict[int, Record]:
        """The runs of a row, by seed."""
        found = {record.seed: record for record in self.records if record.choice == choice}
        return dict(sorted(found.items()))

    def with_record(self, record: Record) -> Measured:
        """The same, and one more, or one in the place of an earlier one of the same run."""
        others = [each for each in self.records if (each.choice, each.seed) != (record.choice, record.seed)]
        return Measured(self.settings, (*others, record))


def read(path: Path) -> Measured | None:
    """What a file holds; None if there is none.

    Raises:
        UserError: it is no such file.
    """
    return read_record(path, "python -m benchmarks.choices", _parsed)


def _parsed(content: Any) -> Measured:
    given = content["settings"]
    settings = Settings(**given | {"overrides": tuple(given["overrides"])})
    return Measured(settings, tuple(Record(**values) for values in content["records"]))


def read_or_begin(path: Path, settings: Settings) -> Measured:
    """What a file holds, to be continued; empty if there is none.

    Raises:
        UserError: its runs had other settings, so that new ones could not be compared with them.
    """
    found = read(path)
    if found is not None and found.settings != settings:
        raise UserError(
            f"{path} holds runs of {_in_words(found.settings)}, not of {_in_words(settings)}: give these, or "
            "another file with --output"
        )
    return found or Measured(settings)


def write(path: Path, measured: Measured) -> None:
    """Write everything as JSON."""
    content = {"settings": asdict(measured.settings), "records": [asdict(record) for record in measured.records]}
    write_json(path, content)


def _in_words(settings: Settings) -> str:
    return ", ".join(_parts(settings))


def _parts(settings: Settings) -> Iterable[str]:
    yield f"--iterations {settings.iterations}"
    yield f"--threads {settings.threads}"
    yield from settings.overrides
