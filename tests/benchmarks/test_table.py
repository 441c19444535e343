from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import results
from benchmarks.row import Goal, Row
from benchmarks.table import figures, markdown, table_of, verdict
from benchmarks.timing import Spread
from esrgan_train.errors import UserError

ROW = Row(
    key="gan_iteration",
    name="iteration",
    sizes={"gt_size": 64},
    unit="s",
    ours=Spread(1.9, 2.0, 2.1),
    peer=Spread(4.0, 5.0, 6.0),
    rounds=3,
    goal=Goal("speedup", 1.2),
    floor=1.5,
    losses={"ours": {"pixel": 0.123456}, "peer": {"pixel": 0.123457}},
)
ALONE = Row(key="start", name="start", unit="s", ours=Spread(7, 7, 7), goal=Goal("speedup", 20))


def printed(*rows: Row) -> str:
    console = Console(file=io.StringIO(), width=150)
    console.print(table_of(rows, title="t"))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_ratio_is_the_peers_median_over_ours_and_the_floor_the_best_possible_over_it():
    assert ROW.ratio == 2.5
    assert ROW.floor_reached == 0.75
    assert ALONE.ratio is None
    assert ALONE.floor_reached is None


def test_the_table_shows_figures_ratio_goal_floor_and_the_losses_of_both_sides():
    text = printed(ROW, ALONE)
    for part in ("1.9 / 2 / 2.1", "4 / 5 / 6", "2.50", "≥ 1.2×: met", "75 %", "pixel 0.12346 / 0.12346"):
        assert part in text
    assert "not measured" in text


def test_figures_that_are_all_the_same_are_shown_once():
    assert figures(Spread(7, 7, 7)) == "7"
    assert figures(Spread(0.01234, 12.34, 1234.0)) == "0.0123 / 12.3 / 1234"


@pytest.mark.parametrize(
    ("goal", "figure", "word"),
    [
        (Goal("speedup", 2.5), 2.5, "met"),
        (Goal("speedup", 2.6), 2.5, "missed"),
        (Goal("share", 0.4), 0.4, "met"),
        (Goal("share", 0.39), 0.4, "missed"),
        (Goal("value", 2), 2.0, "met"),
        (Goal("value", 1.9), 2.0, "missed"),
    ],
)
def test_a_goal_is_met_or_missed(goal: Goal, figure: float, word: str):
    row = replace(ROW, goal=goal)
    assert row.figure == pytest.approx(figure)
    assert verdict(row) == word
    assert ("**missed**" in markdown([row])) == (word == "missed")


def test_a_goal_without_a_peer_is_not_measured():
    assert verdict(ALONE) == "not measured"
    assert "**not measured**" in markdown([ALONE])


def test_the_file_holds_all_rows_and_names_no_host(tmp_path: Path):
    name = results.file_name(date="2026-01-02", cpu="AMD EPYC (TM) 7R13", cores=2, quick=True)
    assert name == "2026-01-02_2x-amd-epyc-tm-7r13-quick.json"
    results.write(tmp_path / name, machine={"cores": 2}, floor={"memory_gb_per_second": 9.0}, rows=[ROW, ALONE])
    content = json.loads((tmp_path / name).read_text())
    assert content["rows"][0]["ours"] == {"min": 1.9, "median": 2.0, "max": 2.1}
    assert content["rows"][0]["ratio"] == 2.5
    assert content["rows"][1]["peer"] is None
    found = results.read(tmp_path / name)
    assert found.machine == {"cores": 2}
    assert found.rows == {"gan_iteration": ROW, "start": ALONE}


def test_a_file_of_something_else_is_refused(tmp_path: Path):
    file = tmp_path / "a.json"
    file.write_text('{"rows": []}')
    with pytest.raises(UserError, match="is no file of python -m benchmarks: KeyError: 'machine'"):
        results.read(file)


def test_the_newest_file_is_the_last_full_one(tmp_path: Path):
    for name in ("2026-01-01_2x-cpu", "2025-01-01_2x-cpu", "2026-02-01_2x-cpu-quick"):
        (tmp_path / f"{name}.json").write_text("{}")
    assert results.newest(tmp_path) == tmp_path / "2026-01-01_2x-cpu.json"
    assert results.newest(tmp_path / "none") is None
