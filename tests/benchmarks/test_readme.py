"""The README says of the benchmark what the newest results say: no missed goal is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.plan import newest_results

ROOT = Path(__file__).parents[2]


def test_every_missed_goal_is_told():
    file = newest_results(ROOT / "benchmarks" / "results")
    if file is None:
        pytest.skip("no results are published")
    rows = [row for row in json.loads(file.read_text(encoding="utf-8"))["rows"] if row["reached"] is not None]
    page = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"{sum(row['reached'] for row in rows)} of its {len(rows)} goals are met" in page
    missed = page.partition("goals are met. Missed are: ")[2].partition(". Processors")[0]
    for row in rows:
        if not row["reached"]:
            assert any(f"{figure(row):.{digits}f}" in missed for digits in (1, 2, 3)), (row["name"], figure(row))
    assert missed.count("(") == sum(not row["reached"] for row in rows)


def figure(row: dict) -> float:
    """What the goal is about: how many times as fast, the share of a bare loop, or the value itself."""
    if row["peer"] is None:
        return row["ours"]["median"]
    ratio = row["peer"]["median"] / row["ours"]["median"]
    return ratio if row["goal"].startswith("≥") else 1 / ratio
