"""Gradients in buckets beside the backward pass: they are those of the flat reduction."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import benchmarks.exchange.__main__ as command
from benchmarks.exchange.measure import BUCKETS, FLAT, Turns
from benchmarks.exchange.measured import Measured, read, section_of, write
from esrgan_train.errors import UserError

pytestmark = pytest.mark.run

ROOT = Path(__file__).parents[2]
MEASURED = Measured(
    {"cores": 2, "cpu": "A Processor", "load_average_at_start": 0.1, "versions": {"torch": "9.9"}},
    64,
    [
        Turns(
            processes=2,
            stage="GAN",
            threads=1,
            buckets=18,
            seconds={FLAT: [0.3, 0.2, 0.6], BUCKETS: [0.2, 0.25, 0.4]},
            weights={FLAT: 1.0, BUCKETS: 1.0},
        )
    ],
)


def test_ratios_are_taken_round_by_round() -> None:
    assert section_of(MEASURED).splitlines()[2:] == [
        "| 2 | GAN | 18 | 300 (200 to 600) | 250 (200 to 400) | 1.50 (0.80 to 1.50) |",
        "",
        "GT 64, one sample for each process; 3 rounds, median (smallest to largest); ratios round by round; gloo, "
        "threads of each process: 1; 2 cores of A Processor; load 0.1 at the start; torch 9.9.",
    ]


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "exchange.json"
    assert read(file) is None
    write(file, MEASURED)
    assert read(file) == MEASURED
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match=r"is no file of python -m benchmarks\.exchange"):
        read(file)


def test_the_page_holds_what_the_file_says() -> None:
    page = (ROOT / command.SECTION.page).read_text(encoding="utf-8")
    expected = section_of(read(ROOT / command.FILE))
    assert command.SECTION.within(page) == expected, "run python -m benchmarks.exchange, which writes the page"


def test_one_process_exchanges_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--processes", "1"])
    assert "--processes" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_with_samples_of_their_own_train_alike_both_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command.main(["--quick"]) == 0
    turns = json.loads(Path("runs/exchange-quick.json").read_text(encoding="utf-8"))["turns"]
    assert [each["stage"] for each in turns] == ["pixel", "GAN"]
    for each in turns:
        assert each["buckets"] > 1
        assert {way: len(seconds) for way, seconds in each["seconds"].items()} == {FLAT: 2, BUCKETS: 2}
        assert each["weights"][FLAT] == each["weights"][BUCKETS]  # the sum of two does not depend on their order
    assert "| 2 | GAN |" in capsys.readouterr().out
