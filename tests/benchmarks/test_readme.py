"""README and docs show what the newest results say: no missed goal is left out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.plan.check import checks
from benchmarks.results import Results, newest, read
from benchmarks.table import markdown, verdict

pytestmark = pytest.mark.run

MINUS = "\N{MINUS SIGN}"
ROOT = Path(__file__).parents[2]
FILE = newest(ROOT / "benchmarks" / "results")


@pytest.fixture(scope="module")
def published() -> Results:
    assert FILE is not None, "the results that the README quotes are missing"
    return read(FILE)


def test_every_goal_stands_in_the_readme_by_its_key_and_missed_ones_are_named_missed(published: Results):
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert markdown(published.rows.values()) in page, "run python -m benchmarks.table and paste what it prints"
    goals = [row for row in published.rows.values() if row.goal is not None]
    for row in goals:
        (line,) = (line for line in page.splitlines() if line.startswith(f"| `{row.key}` |"))
        assert line.strip("| *").endswith(verdict(row))
    met = sum(row.reached is True for row in goals)
    assert f"{met} of its {len(goals)} goals are met" in " ".join(page.split())


def test_what_is_read_is_what_was_stored(published: Results):
    assert FILE is not None
    stored = json.loads(FILE.read_text(encoding="utf-8"))["rows"]
    assert [row.as_dict() for row in published.rows.values()] == stored


@pytest.mark.slow
def test_the_errors_of_the_plan_stand_in_the_docs_by_their_keys(published: Results):
    page = (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    for check in checks(published):
        found = re.search(rf"\| `{check.row.key}` \|.*\| ([+{MINUS}]\d+) % \|", page)
        assert found is not None, check.row.key
        # What is counted depends a little on the kernels that this CPU takes.
        assert float(found[1].replace(MINUS, "-")) == pytest.approx(100 * check.error, abs=3)
