"""report.html is written when a run ends, and never harms the run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from esrgan_train.config import compose_config
from esrgan_train.errors import StopAtOnceError, StopRequestedError
from esrgan_train.report.__main__ import main
from esrgan_train.report.callback import Report
from esrgan_train.train import train
from tests.report.folders import make_run
from tests.tiny import tiny

CALLBACK = "callbacks.report={_target_: esrgan_train.report.callback.Report}"
FIRST: Any = SimpleNamespace(is_global_zero=True)
OTHER: Any = SimpleNamespace(is_global_zero=False)
MODULE: Any = None


def test_an_early_end_is_told(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    Report(run_dir=str(run)).on_exception(FIRST, MODULE, StopRequestedError("stopped by <SIGINT>", 2))
    assert "stopped by &lt;SIGINT&gt;" in (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("error", [StopAtOnceError("", 2), KeyboardInterrupt()])
def test_whoever_wants_it_to_end_at_once_does_not_wait(tmp_path: Path, error: BaseException) -> None:
    run = make_run(tmp_path / "run")
    Report(run_dir=str(run)).on_exception(FIRST, MODULE, error)
    assert not (run / "report.html").exists()


def test_only_the_first_process_writes(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    Report(run_dir=str(run)).on_fit_end(OTHER, MODULE)
    assert not (run / "report.html").exists()


@pytest.mark.parametrize("broken", ["summary.json", "metrics.csv"])
def test_a_broken_file_is_a_warning(tmp_path: Path, broken: str, caplog: pytest.LogCaptureFixture) -> None:
    run = make_run(tmp_path / "run")
    (run / broken).write_text("step\nx\n")
    Report(run_dir=str(run)).on_fit_end(FIRST, MODULE)
    (message,) = caplog.messages
    assert message.startswith("there is no report.html: ")


def test_a_run_without_a_figure_has_no_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = make_run(tmp_path / "run", photos=())
    (run / "metrics.csv").unlink()
    Report(run_dir=str(run)).on_fit_end(FIRST, MODULE)
    assert not (run / "report.html").exists()
    assert caplog.messages == []


def test_a_full_disk_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("esrgan_train.report.page.write_page", full)
    Report(run_dir=str(make_run(tmp_path / "run"))).on_fit_end(FIRST, MODULE)
    assert "report.html cannot be written (No space left on device)" in caplog.messages[0]


@pytest.mark.slow
@pytest.mark.run
def test_a_run_ends_with_its_page(tmp_path: Path) -> None:
    run = tmp_path / "run"
    preview = "callbacks.previews={_target_: esrgan_train.callbacks.previews.Previews, max_photos: 2, crop: 32}"
    course = ("recipe.max_steps=4", "recipe.start_step=2", "recipe.val_check_interval=2")
    where = (f"+callbacks.previews.run_dir={run}", f"+callbacks.report.run_dir={run}")
    train(compose_config(tiny(run, *course, preview, CALLBACK, *where)))
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "4 of 4 iterations" in text
    assert "SRVGGNetCompact" in text
    assert (run / "previews/pairs/1_hr.webp").exists()
    assert len([*run.glob("previews/crops/*/sr_*.webp")]) == 4


@pytest.mark.parametrize("output", [None, "my.html"])
def test_the_command_writes_into_the_run_folder(
    output: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(tmp_path / "run")
    assert main([str(run), *(["-o", output] if output else [])]) == 0
    assert (tmp_path / output if output else run / "report.html").exists()


def test_the_command_writes_the_page_of_several_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        make_run(tmp_path / "runs" / name)
    assert main([str(tmp_path / "runs")]) == 0
    assert (tmp_path / "comparison/report.html").exists()
