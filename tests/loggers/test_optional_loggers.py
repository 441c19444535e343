from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wandb

from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.images.encode import write_image
from esrgan_train.loggers.background import Background
from esrgan_train.loggers.metrics_csv import read_rows
from esrgan_train.loggers.tensorboard import hide_writer_errors, tensorboard_logger
from esrgan_train.loggers.wandb_run import best_of_last_stage, run_id, wandb_logger
from esrgan_train.train import train
from tests.tiny import tiny

SHORT = ("recipe.max_steps=4", "recipe.start_step=2", "callbacks.lpips.use=false")


@pytest.fixture(autouse=True)
def _nobody_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    for name in ("WANDB_SILENT", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR"):
        monkeypatch.setenv(name, "")  # so that what the logger sets is undone
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


class FakeRun:
    """Stands in for W&B's run, and fails where it is told to."""

    def __init__(self, failing: str) -> None:
        self.failing = failing
        self.id = "fake"
        self.logged: list[dict[str, Any]] = []
        self.artifacts: list[Any] = []
        self.finished: list[int] = []

    def define_metric(self, *_: object, **__: object) -> None: ...

    def log(self, values: dict[str, Any]) -> None:
        self._fail("log")
        self.logged.append(values)

    def log_artifact(self, artifact: Any, aliases: list[str]) -> None:
        self._fail("artifact")
        self.artifacts.append((artifact.name, aliases))

    def finish(self, exit_code: int) -> None:
        self._fail("finish")
        self.finished.append(exit_code)

    def _fail(self, where: str) -> None:
        if self.failing == where:
            raise ConnectionError(f"no {where}\nfor you")


def fake_wandb(monkeypatch: pytest.MonkeyPatch, failing: str = "") -> tuple[FakeRun, list[dict[str, Any]]]:
    """Replace what the library does; the run, and how it was started. A login is ``WANDB_API_KEY``."""
    run, started = FakeRun(failing), []

    def init(**options: Any) -> FakeRun:
        started.append(options)
        run._fail("init")
        if failing == "online" and options["mode"] == "online":
            raise TimeoutError("no answer")
        return run

    class Artifact:
        def __init__(self, name: str, type: str) -> None:
            self.name, self.files = name, []

        def add_file(self, path: str) -> None:
            assert Path(path).stat().st_size > 0
            self.files.append(path)

    for name, stand_in in {
        "init": init,
        "login": lambda **_: "WANDB_API_KEY" in os.environ,
        "teardown": lambda **_: started.append({"mode": "teardown"}),
        "Artifact": Artifact,
        "Image": str,
    }.items():
        monkeypatch.setattr(wandb, name, stand_in)
    if failing == "import":
        monkeypatch.setitem(sys.modules, "wandb", None)
    return run, started


def with_wandb(run_dir: Path, *more: str) -> list[str]:
    return tiny(run_dir, *SHORT, "logger=wandb", "callbacks=default", *more)


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.parametrize("failing", ["import", "init", "log", "artifact", "finish"])
def test_a_failure_of_wandb_is_one_warning_and_the_run_is_as_without_it(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake_wandb(monkeypatch, failing)
    with caplog.at_level(logging.WARNING):
        train(compose_config(with_wandb(tmp_path / "run")))
    warned = [record.message for record in caplog.records if "Weights & Biases" in record.message]
    assert len(warned) == 1
    assert "\n" not in warned[0]
    steps = [int(row["step"]) for row in read_rows(tmp_path / "run" / "metrics.csv")]
    assert steps == [2, 4, 4]
    assert json.loads((tmp_path / "run" / "summary.json").read_text())["iterations"] == 4


@pytest.mark.slow
@pytest.mark.run
def test_wandb_gets_settings_readings_previews_and_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, started = fake_wandb(monkeypatch)
    more = ("callbacks.previews={_target_: esrgan_train.callbacks.previews.Previews, max_photos: 1, crop: 32}",)
    train(compose_config(with_wandb(tmp_path, *more, f"+callbacks.previews.run_dir={tmp_path}")))
    (options,) = started
    assert options["mode"] == "offline"
    assert options["config"]["generator"]["num_feat"] == 8
    assert options["settings"].silent
    assert options["settings"].console == "off"
    steps = {
        name: [v["step"] for v in run.logged if name in v] for name in ("train/pixel", "val/psnr", "previews")
    }
    assert steps == {"train/pixel": [2, 4], "val/psnr": [4], "previews": [4]}
    assert [aliases[1] for _, aliases in run.artifacts] == ["last", "best"]
    assert run.finished == [0]


def test_the_best_model_is_that_of_the_last_stage(tmp_path: Path) -> None:
    assert best_of_last_stage(tmp_path) is None
    (tmp_path / "checkpoints").mkdir()
    for stage in ("pixel", "gan"):
        (tmp_path / "checkpoints" / f"best_{stage}.ckpt").touch()
        assert best_of_last_stage(tmp_path) == tmp_path / "checkpoints" / f"best_{stage}.ckpt"


@pytest.mark.slow
@pytest.mark.run
def test_a_resumed_run_continues_the_same_wandb_run_even_from_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, started = fake_wandb(monkeypatch)
    train(compose_config(with_wandb(tmp_path / "run")))
    (tmp_path / "run").rename(tmp_path / "moved")
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    train(compose_config(with_wandb(tmp_path / "moved", "ckpt_path=last", "recipe.max_steps=8")))
    before, after = started
    assert before["id"] == after["id"] == run_id(tmp_path / "moved")
    assert (after["mode"], after["resume"]) == ("online", "allow")
    assert run_id(tmp_path / "other") != before["id"]


@pytest.mark.parametrize(
    ("environment", "mode"),
    [
        ({}, "offline"),
        ({"WANDB_API_KEY": "key"}, "online"),
        ({"WANDB_API_KEY": "key", "WANDB_MODE": "offline"}, "offline"),
        ({"WANDB_API_KEY": "key", "WANDB_MODE": "dryrun"}, "offline"),
        ({"WANDB_API_KEY": "key", "WANDB_MODE": "online"}, "online"),
        ({"WANDB_MODE": "disabled"}, "disabled"),
        ({"WANDB_DISABLED": "true", "WANDB_API_KEY": "key"}, "disabled"),
    ],
)
def test_wandb_is_online_only_with_a_login(
    environment: dict[str, str], mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, started = fake_wandb(monkeypatch)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    one_reading(tmp_path)
    assert [options["mode"] for options in started] == [mode]


def one_reading(run_dir: Path, mode: Any = "auto") -> Background:
    logger = wandb_logger(run_dir=str(run_dir), project="p", name="e", mode=mode, log_model=False)
    logger.log_metrics({"train/pixel": 1.0}, 2)
    logger.finalize("success")
    return logger


def test_online_without_a_login_never_asks_but_stays_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, started = fake_wandb(monkeypatch)
    one_reading(tmp_path, "online")
    assert [options["mode"] for options in started] == ["offline"]
    assert "wandb login" in caplog.text


def test_a_server_that_does_not_answer_leaves_the_run_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run, started = fake_wandb(monkeypatch, "online")
    monkeypatch.setenv("WANDB_API_KEY", "x" * 40)
    one_reading(tmp_path)
    # The library's helper, which holds the run's id, ends in between.
    assert [options["mode"] for options in started] == ["online", "teardown", "offline"]
    assert run.logged == [{"train/pixel": 1.0, "step": 2}]
    assert caplog.text.count("cannot be reached") == 1


OFFLINE = """
import sys
import threading
from esrgan_train.loggers.wandb_run import wandb_logger
logger = wandb_logger(run_dir=sys.argv[1], project="p", name="e", mode="auto", log_model=False)
assert "wandb" not in sys.modules
logger.log_metrics({"train/pixel": 0.5}, 2)
logger.finalize("success")
assert not logger.failed
"""


@pytest.mark.slow
@pytest.mark.run
def test_the_real_library_writes_into_the_run_folder_alone_and_prints_nothing(tmp_path: Path) -> None:
    here, run = tmp_path / "here", tmp_path / "run"
    here.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(run)],
        cwd=here,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(here.iterdir()) == []
    (file,) = run.glob("wandb/offline-run-*/*.wandb")
    assert file.stem == f"run-{run_id(run)}"


def events(run_dir: Path) -> Any:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = accumulator.EventAccumulator(str(run_dir / "tensorboard"))
    found.Reload()
    return found


@pytest.mark.slow
@pytest.mark.run
def test_when_the_librarys_helper_dies_there_is_one_warning_and_no_traceback_at_the_exit(tmp_path: Path) -> None:
    script = f"""
import logging, os, signal, time
from pathlib import Path
from esrgan_train.loggers.wandb_run import wandb_logger
from esrgan_train.logs import set_up_console
set_up_console()
logger = wandb_logger(run_dir={str(tmp_path / "run")!r}, project="p", name="x", mode="offline", log_model=True)
logger.log_metrics({{"train/pixel": 0.5}}, 1)
while not list(Path({str(tmp_path)!r}).glob("run/wandb/offline-run-*/*.wandb")) and not logger.failed:
    time.sleep(0.05)
children = [c for file in Path("/proc/self/task").glob("*/children") for c in file.read_text().split()]
assert len(children) == 1, children
os.kill(int(children[0]), signal.SIGKILL)
for step in range(2, 200):
    logger.log_metrics({{"train/pixel": 0.5}}, step)
    if logger.failed:
        break
    time.sleep(0.05)
assert logger.failed
logger.finalize("success")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    (warning,) = done.stdout.splitlines()
    assert warning.startswith("warning: Weights & Biases stopped working")
    assert done.stderr == ""


def test_tensorboard_counts_iterations_and_a_resumed_run_replaces_what_it_repeats(tmp_path: Path) -> None:
    write_image(tmp_path / "p.png", np.zeros((8, 8, 3), np.uint8))
    before, after = (tensorboard_logger(run_dir=str(tmp_path)) for _ in range(2))
    for step in (2, 4, 6):
        before.log_metrics({"train/pixel": 1.0}, step)
    before.log_image("previews", [str(tmp_path / "p.png")], 6)
    before.finalize("success")
    after.log_metrics({"train/pixel": 0.5}, 4)
    after.finalize("success")
    found = events(tmp_path)
    assert [(e.step, e.value) for e in found.Scalars("train/pixel")] == [(2, 1.0), (4, 0.5)]
    assert not (tmp_path / "tensorboard" / "hparams.yaml").exists()


def test_only_tensorboards_thread_fails_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(_: threading.Thread) -> None:
        raise OSError("no space")

    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    hide_writer_errors.__wrapped__()
    for module, shown in (("tensorboard.writers", False), ("tensorboards", True)):
        thread = type("Writer", (threading.Thread,), {"__module__": module, "run": run})()
        thread.start()
        thread.join()
        assert ("OSError: no space" in capsys.readouterr().err) == shown


def test_without_its_package_tensorboard_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match="pip install"):
        tensorboard_logger(run_dir=str(tmp_path))


@pytest.mark.run
@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("logger=csv", ["csv"]),
        ("logger=wandb", ["csv", "wandb"]),
        ("logger=tensorboard", ["csv", "tensorboard"]),
        ("logger=[wandb,tensorboard]", ["csv", "wandb", "tensorboard"]),
        ("logger=many_loggers", ["csv", "wandb", "tensorboard"]),
        ("~logger", ["csv"]),
    ],
)
def test_metrics_csv_is_written_whatever_is_chosen(choice: str, names: list[str], tmp_path: Path) -> None:
    from esrgan_train.build import build_trainer

    overrides = [o for o in tiny(tmp_path) if o != "logger=csv"]
    trainer = build_trainer(compose_config([*overrides, choice]))
    assert [logger.name for logger in trainer.loggers] == names
