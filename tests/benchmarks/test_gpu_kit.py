"""The acceptance kit's bookkeeping: time, verdicts, what hangs, what fails, the table and the file."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.gpu import report
from benchmarks.gpu import run_part as part
from benchmarks.gpu.budget import Budget
from benchmarks.gpu.child import attempt
from benchmarks.gpu.figure import Figure, Goal
from benchmarks.gpu.part import Measurement
from benchmarks.gpu.processes import run_limited
from benchmarks.gpu.run_tests import _LONGEST, figures_of, files_with_tests, read_lines, run_tests
from benchmarks.gpu.subjects import defaults, training_options
from benchmarks.results import newest
from esrgan_train.errors import UserError
from esrgan_train.gpu_check.__main__ import checkout_of

CONFTEST = """
import pytest
def pytest_addoption(parser):
    parser.addoption("--device")
"""


def test_what_a_part_leaves_over_goes_to_those_after_it() -> None:
    now = [100.0]
    budget = Budget(80, {"a": 2, "b": 1, "c": 1}, clock=lambda: now[0])
    assert budget.allot("a") == 40
    now[0] += 10
    assert budget.allot("b") == 35
    now[0] += 60
    assert budget.allot("c") == 10


def test_parts_that_come_too_late_get_nothing() -> None:
    now = [0.0]
    budget = Budget(10, {"a": 1, "b": 1}, clock=lambda: now[0])
    budget.allot("a")
    now[0] = 50.0
    assert budget.allot("b") == 0


@pytest.mark.parametrize(
    ("figure", "device", "verdict"),
    [
        (Figure(key="t", name="t"), "cuda", "passed"),
        (Figure(key="t", name="t", error="no"), "cpu", "failed"),
        (Figure(key="m", name="m", unit="ms", ours=1.0), "cuda", "measured"),
        (Figure(key="m", name="m", unit="ms", ours=2.0, goal=Goal("most", 2)), "cuda", "met"),
        (Figure(key="m", name="m", unit="ms", ours=2.1, goal=Goal("most", 2)), "cuda", "missed"),
        (Figure(key="m", name="m", unit="ms", ours=2.1, goal=Goal("most", 2)), "cpu", "measured"),
        (Figure(key="m", name="m", unit="%", ours=49.0, goal=Goal("least", 50)), "cuda", "missed"),
        (Figure(key="m", name="m", unit="%", ours=50.0, goal=Goal("least", 50)), "cuda", "met"),
    ],
)
def test_goals_count_on_a_gpu_alone(figure: Figure, device: str, verdict: str) -> None:
    assert figure.verdict(device) == verdict
    assert report.failures([figure], device) == ([figure.key] if verdict in ("failed", "missed") else [])
    assert Figure.from_dict(json.loads(json.dumps(figure.as_dict()))) == figure


def test_a_measurement_that_fails_leaves_a_line_behind_what_it_found(capfd: pytest.CaptureFixture[str]) -> None:
    def run() -> Any:
        yield Figure(key="one", name="one", unit="s", ours=1.0)
        raise RuntimeError("the card\nis gone")

    found = list(attempt(Measurement("two", "both", run)))
    assert [figure.key for figure in found] == ["one", "two"]
    assert found[1].error == "RuntimeError: the card is gone"
    assert "Traceback" in capfd.readouterr().err


def test_a_process_that_hangs_is_killed_with_those_it_started(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True); p.wait()"
    )
    began = time.monotonic()
    assert run_limited(["-c", code], seconds=1.0, log=tmp_path / "log") is None
    assert time.monotonic() - began < 60
    state = Path(f"/proc/{int((tmp_path / 'log').read_text())}/stat")
    while state.exists() and ") Z " not in state.read_text():  # the kernel takes a moment
        assert time.monotonic() - began < 60
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.parametrize(
    ("name", "seconds", "error"),
    [("upscaling", 0.5, "cut after 0 s"), ("none", 60.0, "ended with 1: KeyError: 'none'")],
)
def test_a_part_that_does_not_begin_is_one_line(tmp_path: Path, name: str, seconds: float, error: str) -> None:
    log = tmp_path / "log"
    (figure,) = part.run_part(name, "cpu", quick=True, seconds=seconds, log=log, lines=tmp_path / "lines")
    assert (figure.key, figure.error) == (name, error)


def test_what_a_part_did_not_bring_to_its_end_is_named() -> None:
    figure = Figure(key="b", name="b", unit="s", ours=1.0)
    planned = [["a", "A"], ["b", "B"], ["c", "C"]]
    lines: list[dict[str, Any]] = [{"planned": planned}, {"done": "a"}, figure.as_dict()]
    found = {each.key: each for each in part.figures_of(lines, "cut")}
    assert found == {
        "b": figure,
        "b_rest": Figure(key="b_rest", name="B: the rest", error="cut"),
        "c": Figure(key="c", name="C", error="cut"),
    }


def test_only_files_with_such_tests_are_imported(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("import nothing_of_the_kind\n")
    (tmp_path / "test_two.py").write_text("@pytest.mark.gpu\ndef test(): ...\n")
    assert files_with_tests(tmp_path) == [tmp_path / "test_two.py"]


@pytest.mark.slow
@pytest.mark.run
def test_tests_that_fail_hang_skip_and_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_planted.py").write_text(
        "import pytest, time\npytestmark = pytest.mark.gpu\n"
        "def test_right(): ...\n"
        "def test_wrong(): assert 1 == 2, 'planted'\n"
        "def test_skipped(): pytest.skip('no such card')\n"
        "@pytest.fixture\ndef broken(): raise OSError('no')\n"
        "def test_broken(broken): ...\n"
        "def test_dies(): import os; os._exit(7)\n"
        "def test_after_it(): ...\n"
        "def test_hangs(): time.sleep(600)\n"
    )
    (tmp_path / "test_unreadable.py").write_text("# mark.gpu\nimport nothing_of_the_kind\n")
    files = {"log": tmp_path / "log", "lines": tmp_path / "lines"}
    figures = {f.key.rpartition("::")[2]: f for f in run_tests("cpu", tests=tmp_path, seconds=30, **files)}
    assert figures["test_right"].verdict("cpu") == "passed"
    assert "planted" in figures["test_wrong"].error
    assert figures["test_skipped"].note == "skipped: no such card"
    assert "OSError: no" in figures["test_broken"].error
    (unreadable,) = (figure for name, figure in figures.items() if name.endswith("test_unreadable.py"))
    assert "nothing_of_the_kind" in unreadable.error
    assert figures["test_hangs"].error.startswith("cut: it hangs")


@pytest.mark.slow
def test_a_test_that_hangs_is_cut_and_those_after_it_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_LONGEST, "cpu", 1)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_planted.py").write_text(
        "import pytest, time\npytestmark = pytest.mark.gpu\n"
        "def test_hangs(): time.sleep(600)\n"
        "def test_after_it(): ...\n"
    )
    log = tmp_path / "log"
    hung, after = run_tests("cpu", tests=tmp_path, seconds=300, log=log, lines=tmp_path / "lines")
    assert "it hangs" in hung.error
    assert "in test_hangs" in log.read_text(encoding="utf-8")  # where it was
    assert after.verdict("cpu") == "passed"


@pytest.mark.slow
def test_a_last_test_that_dies_ends_the_run(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    planted = "import os, pytest\n@pytest.mark.gpu\ndef test_dies(): os._exit(7)\n"
    (tmp_path / "test_planted.py").write_text(planted)
    (figure,) = run_tests("cpu", tests=tmp_path, seconds=60, log=tmp_path / "log", lines=tmp_path / "lines")
    assert figure.key.endswith("test_dies")
    assert "ends the process" in figure.error


def test_no_tests_at_all_fail(tmp_path: Path) -> None:
    (figure,) = run_tests("cpu", tests=tmp_path, seconds=9, log=tmp_path / "log", lines=tmp_path / "lines")
    assert figure.error == f"there are none in {tmp_path}"


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "lines").write_text('{"test": "a"}\n{"test": "a", "outc')
    assert read_lines(tmp_path / "lines") == [{"test": "a"}]
    assert figures_of(read_lines(tmp_path / "lines"), seconds=7)[0].error.endswith("over 7 s")


def test_a_teardown_that_fails_is_not_lost() -> None:
    ended = {"test": "a", "outcome": "passed", "reason": "", "seconds": 1.0}
    (figure,) = figures_of([{"test": "a"}, ended, {**ended, "outcome": "failed", "reason": "E"}], seconds=7)
    assert figure.error == "E"


def test_the_table_and_the_file(tmp_path: Path) -> None:
    figures = [
        Figure(key="tests/a.py::test[x]", name="tests/a.py::test[x]"),
        Figure(key="tests/a.py::other", name="tests/a.py::other", note="skipped: no [such] card"),
        Figure(key="speed", name="speed", unit="samples/s", ours=1234.5, peer=10.0, goal=Goal("least", 50)),
        Figure(key="gone", name="gone [a]", error="RuntimeError: [b]"),
    ]
    console = Console(width=200, record=True, file=(tmp_path / "shown").open("w"))
    console.print(report.table_of(figures, "cuda", title="t"))
    shown = console.export_text()
    for text in (
        "1 tests marked gpu",
        "no [such] card",
        "1234 samples/s",
        "≥ 50",
        "met",
        "gone [a]",
        "RuntimeError: [b]",
    ):
        assert text in shown
    machine = report.machine_with("cpu")
    assert machine["card"] is None
    path = tmp_path / "gpu" / report.file_name(machine | {"card": {"name": "NVIDIA H100 (80GB)"}}, quick=True)
    assert path.name.endswith("_nvidia-h100-80gb-quick.json")
    report.write(path, machine=machine, figures=figures)
    written = json.loads(path.read_text())
    assert written["machine"]["versions"]["torch"]
    assert [row["verdict"] for row in written["rows"]] == ["passed", "passed", "measured", "failed"]
    assert newest(tmp_path) is None  # the README's table is of the CPU


def test_options_come_from_the_configuration() -> None:
    assert defaults("training/default")["ema_decay"] == defaults("recipe/published")["ema_decay"] == 0.999
    assert training_options().shared_fake_forward
    assert not training_options(shared_fake_forward=False).shared_fake_forward


def test_without_a_checkout_it_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"in a checkout .* type PYTHONPATH=\. python -m esrgan_train.gpu_check"):
        checkout_of(tmp_path / "site-packages" / "esrgan_train")
    assert checkout_of(Path(sys.modules["esrgan_train"].__file__ or "").parent) == Path(__file__).parents[2]
