"""Going back to an earlier checkpoint sets the other branch aside whole; it is never taken for the new one."""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from esrgan_train.config import compose_config
from esrgan_train.loggers.metrics_csv import read_rows
from esrgan_train.runs.abandoned import left_behind, set_aside
from esrgan_train.runs.checkpoints import newest_sound, run_of, written_ns
from esrgan_train.runs.place import resolve_run_dir
from esrgan_train.train import train
from tests.tiny import tiny

RUN = ("recipe.start_step=5", "scheduler=constant", "recipe.val_check_interval=2")
KEEP = "callbacks.checkpoints.every_n_steps=2"


def run(run_dir: Path, *overrides: str) -> None:
    train(compose_config(tiny(run_dir, *RUN, *overrides)))


@pytest.fixture(scope="module")
def finished(finished_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run, with a preview and a record of each second validation."""
    folder = Path(shutil.copytree(finished_run, tmp_path_factory.mktemp("finished") / "run"))
    for name, kind in (("previews", "step"), ("nonfinite", "step"), ("previews/crops/a", "sr")):
        (folder / name).mkdir(parents=True)
        for step in (0, 4, 8):
            (folder / name / f"{kind}_{step:08}.png").write_bytes(b"a picture")
    return folder


@pytest.fixture
def again(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def files(folder: Path) -> dict[str, bytes]:
    """The checkpoints, previews and records below a folder, by name."""
    kept = [path for path in sorted(folder.rglob("*")) if path.suffix in (".ckpt", ".png")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in kept}


def load(path: Path) -> dict[str, Any]:
    return torch.load(path, weights_only=True)  # type: ignore[no-any-return]


def steps_in(metrics: Path) -> list[int]:
    return [int(row["step"]) for row in read_rows(metrics)]


@pytest.mark.slow
@pytest.mark.run
def test_after_a_step_back_the_branch_left_is_set_aside_and_last_means_the_new_one(
    again: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before, rows = files(again), read_rows(again / "metrics.csv")
    back = again / "checkpoints" / "step_00000004.ckpt"
    with caplog.at_level(logging.INFO):
        run(again, "trainer.max_steps=6", f"ckpt_path={back}", "optimizer.pixel_lr=1e-5")
    (aside,) = (again / "abandoned").iterdir()
    (said,) = [r.getMessage() for r in caplog.records if r.getMessage().startswith("set aside")]
    assert str(aside) in said
    moved = files(aside)
    assert {"checkpoints/step_00000006.ckpt", "checkpoints/step_00000008.ckpt"} < moved.keys()
    assert {"checkpoints/last.ckpt", "checkpoints/best_gan.ckpt"} < moved.keys()
    later = {"previews/step_00000008.png", "previews/crops/a/sr_00000008.png", "nonfinite/step_00000008.png"}
    assert later < moved.keys()
    assert {name: before[name] for name in moved} == moved  # as they were
    assert steps_in(aside / "metrics.csv") == [int(row["step"]) for row in rows if int(row["step"]) > 4]

    found = newest_sound(again)
    assert found == again / "checkpoints" / "last.ckpt"
    assert load(found)["global_step"] == 6
    run(again, "trainer.max_steps=8", "ckpt_path=last", "optimizer.pixel_lr=1e-5")
    validated = [int(row["step"]) for row in read_rows(again / "metrics.csv") if row["val/psnr"]]
    assert validated == [2, 4, 6, 8]
    assert len(list((again / "abandoned").iterdir())) == 1
    # The new branch is that of a run resumed at iteration 4 with this rate, and nothing else.
    straight = again.parent / "straight"
    start = straight / "checkpoints" / back.name
    shutil.copytree(again / "checkpoints", straight / "checkpoints")
    for path in (straight / "checkpoints").iterdir():
        if path != start:
            path.unlink()
    run(
        straight,
        "trainer.max_steps=8",
        f"ckpt_path={start}",
        "optimizer.pixel_lr=1e-5",
    )
    ours, theirs = (load(folder / "checkpoints" / "last.ckpt")["state_dict"] for folder in (again, straight))
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


@pytest.mark.slow
@pytest.mark.run
def test_a_best_value_is_not_carried_over_when_it_was_measured_otherwise(
    again: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = files(again)
    state = load(again / "checkpoints" / "last.ckpt")
    assert set(state["best"]["stages"]) == {"pixel", "gan"}
    with caplog.at_level(logging.INFO):
        run(again, "trainer.max_steps=10", "degradation=bicubic", "ckpt_path=last")
    told = [r.getMessage() for r in caplog.records if "starts again" in r.getMessage()]
    (line,) = told  # in the GAN stage the last is taken for the best, whatever it measures
    assert "the best of the pixel stage starts again: val/psnr_y" in line
    assert "cannot be compared with new values (changed: degradation)" in line
    summary = json.loads((again / "summary.json").read_text())
    assert summary["best"].keys() == summary["stages"].keys() == {"gan"}
    assert summary["best"]["gan"]["step"] == 10
    assert load(again / "checkpoints" / "best_gan.ckpt")["global_step"] == 10
    (aside,) = (again / "abandoned").iterdir()  # what was best is kept, out of the way
    moved = files(aside)
    assert moved.keys() <= {"checkpoints/best_pixel.ckpt", "checkpoints/best_gan.ckpt"}
    assert moved["checkpoints/best_pixel.ckpt"] == before["checkpoints/best_pixel.ckpt"]


def test_a_process_that_dies_while_setting_aside_has_lost_nothing(
    again: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, rows = files(again), read_rows(again / "metrics.csv")
    back = again / "checkpoints" / "step_00000004.ckpt"
    rename, moves = Path.rename, iter(range(100))

    def dies(self: Path, target: Path) -> Path:
        if self.suffix == ".ckpt" and next(moves) == 2:
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", dies)
    with pytest.raises(KeyboardInterrupt):
        set_aside(again, left_behind(again, back), after=4)
    monkeypatch.undo()
    assert steps_in(again / "metrics.csv") == [int(row["step"]) for row in rows]
    # What is left is one course of training up to some iteration, not a choice of it.
    left = [load(path)["global_step"] for path in (again / "checkpoints").iterdir()]
    assert {2, 4} <= set(left) == {step for step in (2, 4, 6, 8) if step <= max(left)}
    newest = newest_sound(again)
    assert newest is not None
    assert load(newest)["global_step"] == max(left)

    set_aside(again, left_behind(again, back), after=4)
    aside = sorted((again / "abandoned").iterdir())
    everything = {name: content for folder in (*aside, again) for name, content in files(folder).items()}
    assert {name: everything[name] for name in before} == before
    assert read_rows(aside[0] / "metrics.csv") == [row for row in rows if int(row["step"]) > 4]


@pytest.mark.slow
@pytest.mark.run
def test_a_start_from_scratch_in_the_folder_of_a_run_keeps_that_run(again: Path) -> None:
    before = files(again)
    run(again, "trainer.max_steps=2")
    (aside,) = (again / "abandoned").iterdir()
    assert files(aside) == before
    assert load(again / "checkpoints" / "last.ckpt")["global_step"] == 2
    assert set(steps_in(again / "metrics.csv")) == {2}


@pytest.mark.slow
def test_the_time_of_saving_counts_and_not_that_of_the_file(again: Path) -> None:
    folder = again / "checkpoints"
    for path in folder.iterdir():
        os.utime(path, ns=(0, 10**9 * load(path)["global_step"]))
    os.utime(folder / "step_00000002.ckpt")  # as copying leaves it
    assert newest_sound(again) == folder / "last.ckpt"
    assert written_ns(folder / "last.ckpt") == written_ns(folder / "step_00000008.ckpt")
    times = [written_ns(folder / f"step_{step:08}.ckpt") for step in (2, 4, 6, 8)]
    assert times == sorted(set(times))
    assert left_behind(again, folder / "last.ckpt") == []
    # A checkpoint of an earlier version does not say when: the file's time counts.
    for path in folder.iterdir():
        content = load(path)
        del content["written_ns"]
        torch.save(content, path)
        os.utime(path, ns=(0, 10**9 * content["global_step"]))
    os.utime(folder / "step_00000006.ckpt", ns=(0, 10**10))
    assert newest_sound(again) == folder / "step_00000006.ckpt"


def test_a_checkpoint_that_was_set_aside_is_resumed_in_a_new_folder(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    aside = Path("runs/x4_prelu/a/abandoned/2026-01-01_00-00-00/checkpoints/last.ckpt")
    assert run_of(aside) is None
    assert run_of(Path("runs/x4_prelu/a/checkpoints/last.ckpt")) == Path("runs/x4_prelu/a")
    place = resolve_run_dir(experiment="x4_prelu", run_dir=None, ckpt_path=str(aside))
    assert place.run_dir.parent == Path("runs/x4_prelu")
    assert place.checkpoint == aside
