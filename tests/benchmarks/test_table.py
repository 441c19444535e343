from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.record import Row, at_least, ratio_of
from benchmarks.results import file_name, write_results
from benchmarks.table import figures, table_of, verdict
from benchmarks.timing import Spread

ROW = Row(
    name="iteration",
    unit="s",
    ours=Spread(1.9, 2.0, 2.1),
    peer=Spread(4.0, 5.0, 6.0),
    rounds=3,
    goal="≥ 1.2×",
    reached=True,
    floor=1.5,
    losses={"ours": {"pixel": 0.123456}, "peer": {"pixel": 0.123457}},
)
ALONE = Row(name="start", unit="s", ours=Spread(7, 7, 7), goal="≥ 20×", reached=at_least(20, None))


def printed(*rows: Row) -> str:
    console = Console(file=io.StringIO(), width=150)
    console.print(table_of(rows, title="t"))
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_ratio_is_the_peers_median_over_ours_and_the_floor_the_best_possible_over_it():
    assert ROW.ratio == 2.5
    assert ROW.floor_reached == 0.75
    assert ALONE.ratio is None
    assert ALONE.floor_reached is None
    assert ratio_of(Spread(4, 5, 6), Spread(1.9, 2.0, 2.1)) == 2.5
    assert at_least(2.5, 2.5) is True
    assert at_least(2.6, 2.5) is False


def test_the_table_tells_figures_ratio_goal_floor_and_the_losses_of_both_sides():
    text = printed(ROW, ALONE)
    for part in ("1.9 / 2 / 2.1", "4 / 5 / 6", "2.50", "≥ 1.2×: yes", "75 %", "pixel 0.12346 / 0.12346"):
        assert part in text
    assert "not measured" in text


def test_figures_that_are_all_the_same_are_told_once():
    assert figures(Spread(7, 7, 7)) == "7"
    assert figures(Spread(0.01234, 12.34, 1234.0)) == "0.0123 / 12.3 / 1234"


@pytest.mark.parametrize(("reached", "word"), [(True, "yes"), (False, "no"), (None, "not measured")])
def test_a_goal_is_met_or_not_or_not_measured(reached: bool | None, word: str):
    assert verdict(Row(name="a", unit="s", ours=Spread(1, 1, 1), goal="g", reached=reached)) == f"g: {word}"


def test_the_file_holds_all_rows_and_names_no_host(tmp_path: Path):
    name = file_name(date="2026-01-02", cpu="AMD EPYC (TM) 7R13", cores=2, quick=True)
    assert name == "2026-01-02_2x-amd-epyc-tm-7r13-quick.json"
    write_results(tmp_path / name, machine={"cores": 2}, floor={"memory_gb_per_second": 9.0}, rows=[ROW, ALONE])
    content = json.loads((tmp_path / name).read_text())
    assert content["machine"] == {"cores": 2}
    assert content["rows"][0]["ours"] == {"min": 1.9, "median": 2.0, "max": 2.1}
    assert content["rows"][0]["ratio"] == 2.5
    assert content["rows"][1]["peer"] is None
