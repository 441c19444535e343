"""How samples reach a GPU, and what each way costs."""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.rendering import Rendering
from benchmarks.results import Results
from benchmarks.row import Row

# Without a results file: milliseconds of a core for a sample.
ASSUMED_MS = {"files": 100.0, "packed": 15.0, "device": 1.5}
_ROWS = {"files": "sample", "packed": "packed_sample", "device": "packed_worker_sample"}


class Loading(NamedTuple):
    """One way.

    Attributes:
        name: ``files`` and ``packed`` are rendered by workers, ``device`` is packed and rendered by the GPU.
        ms: of a core, for a sample.
        measured: whether that is from a results file.
        rendering: by the GPU; None where workers do it.
    """

    name: str
    ms: float
    measured: bool
    rendering: Rendering | None = None


def ways(results: Results | None, rendering: Rendering) -> list[Loading]:
    """All ways, with the times of a results file where it has them."""
    rows: dict[str, Row | None] = {
        name: None if results is None else results.rows.get(key) for name, key in _ROWS.items()
    }
    return [
        Loading(
            name,
            ASSUMED_MS[name] if row is None else row.ours.median,
            row is not None,
            rendering if name == "device" else None,
        )
        for name, row in rows.items()
    ]
