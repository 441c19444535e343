from __future__ import annotations

import csv
import logging
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from esrgan_train.config import compose_config
from esrgan_train.errors import StopRequestedError, UserError
from esrgan_train.processes import Agreement
from esrgan_train.runs.checkpoints import newest_sound, read_step
from esrgan_train.runs.place import resolve_run_dir
from esrgan_train.train import train
from tests.tiny import tiny

STAGES = ("recipe.start_step=5", "scheduler=constant")


def run(run_dir: Path, *overrides: str) -> dict[str, Any]:
    """Train, and return the last checkpoint."""
    train(compose_config(tiny(run_dir, *STAGES, *overrides)))
    return load(run_dir)


def load(run_dir: Path) -> dict[str, Any]:
    return torch.load(run_dir / "checkpoints" / "last.ckpt", weights_only=True)  # type: ignore[no-any-return]


def assert_equal(ours: Any, theirs: Any, name: str = "") -> None:
    """Bit for bit, whatever the nesting."""
    assert type(ours) is type(theirs), name
    if isinstance(ours, torch.Tensor):
        assert ours.dtype == theirs.dtype, name
        assert torch.equal(ours, theirs), name
    elif isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), name
        for key in ours:
            assert_equal(ours[key], theirs[key], f"{name}/{key}")
    elif isinstance(ours, (list, tuple)):
        assert len(ours) == len(theirs), name
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_equal(one, other, f"{name}/{index}")
    else:
        assert ours == theirs, name


LEARNT = ("state_dict", "optimizer_states", "global_step", "stage", "players")


def rows(run_dir: Path) -> list[dict[str, str]]:
    with (run_dir / "metrics.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "train/samples_per_second"} for row in csv.DictReader(file)]


@pytest.mark.run
@pytest.mark.parametrize(("workers_before", "workers_after"), [(0, 0), (2, 0), (0, 2)])
def test_a_resumed_run_equals_one_that_never_stopped_bit_for_bit(
    tmp_path: Path, workers_before: int, workers_after: int
) -> None:
    more = ("training.accumulate=2", "training.ema_warmup=true")
    whole = run(tmp_path / "whole", *more, "trainer.max_steps=12")
    first = run(tmp_path / "parts", *more, "trainer.max_steps=7", f"data.num_workers={workers_before}")
    assert first["global_step"] == 7
    last = tmp_path / "parts" / "checkpoints" / "last.ckpt"
    parts = run(
        *(tmp_path / "parts", *more, "trainer.max_steps=12"),
        *(f"data.num_workers={workers_after}", f"ckpt_path={last}"),
    )
    for key in LEARNT:
        assert_equal(parts[key], whole[key], key)
    # The end of the first part logs the rest of an interval and a validation; all else was logged alike.
    rest, validation = [row for row in rows(tmp_path / "parts") if row["step"] == "7"]
    assert rest["train/pixel"]
    assert validation["val/psnr"]
    assert [row for row in rows(tmp_path / "parts") if row["step"] != "7"] == rows(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.run
def test_validations_keep_to_their_iterations_after_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = ("trainer.max_steps=16", "callbacks.checkpoints.every_n_steps=4", "ckpt_path=auto")
    for _ in range(3):
        asked = iter([0, 0, 0, signal.SIGTERM])  # before the fourth iteration of each part
        monkeypatch.setattr(Agreement, "exchange", lambda _self, _wish, asked=asked: next(asked))
        with pytest.raises(StopRequestedError):
            run(tmp_path / "run", *more)
    monkeypatch.undo()
    run(tmp_path / "run", *more)
    validated = [int(row["step"]) for row in rows(tmp_path / "run") if row["val/psnr"]]
    assert validated == [4, 8, 12, 16]
    kept = sorted(path.name for path in (tmp_path / "run" / "checkpoints").glob("step_*.ckpt"))
    assert kept == [f"step_{step:08}.ckpt" for step in (4, 8, 12, 16)]


@pytest.mark.slow
@pytest.mark.run
def test_a_checkpoint_in_the_middle_of_a_stage_is_no_new_start_of_it(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", "trainer.max_steps=9")
    run(tmp_path / "parts", "trainer.max_steps=6")
    parts = run(tmp_path / "parts", "trainer.max_steps=9", "ckpt_path=last")
    assert_equal(parts["state_dict"], whole["state_dict"])


@pytest.mark.slow
@pytest.mark.run
def test_another_learning_rate_counts_after_resuming_and_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path / "run", "trainer.max_steps=6")
    with caplog.at_level(logging.WARNING):
        resumed = run(tmp_path / "run", "trainer.max_steps=8", "optimizer.lr=5e-5", "ckpt_path=last")
    assert resumed["optimizer_states"][1]["param_groups"][0]["lr"] == 5e-5
    warned = [r.getMessage() for r in caplog.records if "not as it would have" in r.getMessage()]
    assert len(warned) == 1
    assert "optimizer.lr=5e-05 (was 0.0001)" in warned[0]
    assert "max_steps" not in warned[0]


@pytest.mark.slow
@pytest.mark.run
def test_another_effective_batch_is_reported_but_not_another_way_to_divide_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path / "run", "trainer.max_steps=2")
    alike = ("data.batch_size=1", "training.accumulate=2")
    with caplog.at_level(logging.WARNING):
        run(tmp_path / "run", "trainer.max_steps=3", *alike, "ckpt_path=last")
    assert not [r for r in caplog.records if "not as it would have" in r.getMessage()]
    with caplog.at_level(logging.WARNING):
        run(tmp_path / "run", "trainer.max_steps=4", "data.batch_size=3", "ckpt_path=last")
    (warned,) = [r.getMessage() for r in caplog.records if "not as it would have" in r.getMessage()]
    assert "crops per iteration (data.batch_size × training.accumulate × processes)=3 (was 2)" in warned
    assert warned.count("(was ") == 1


@pytest.mark.slow
@pytest.mark.run
def test_another_end_is_reported_where_the_learning_rate_falls_towards_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path / "run", "trainer.max_steps=6", "scheduler=cosine")
    with caplog.at_level(logging.WARNING):
        run(tmp_path / "run", "trainer.max_steps=8", "scheduler=cosine", "ckpt_path=last")
    assert "changed trainer.max_steps=8 (was 6)" in caplog.text


@pytest.mark.slow
@pytest.mark.run
def test_unchanged_settings_are_not_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path / "run", "trainer.max_steps=6")
    with caplog.at_level(logging.WARNING):
        run(tmp_path / "run", "trainer.max_steps=8", "ckpt_path=last", "data.num_workers=1")
    assert not [r for r in caplog.records if "not as it would have" in r.getMessage()]


def place(**given: Any) -> Any:
    return resolve_run_dir(**{"experiment": "x4_prelu", "run_dir": None, "ckpt_path": None, **given})


@pytest.mark.run
def test_last_takes_the_run_that_saved_last(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        shutil.copytree(finished_run, Path("runs/x4_prelu") / name)
    Path("runs/x4_prelu/c").mkdir()  # died before its first checkpoint
    os.utime("runs/x4_prelu/a/checkpoints/last.ckpt")  # by saving
    (Path("runs/x4_prelu/b/checkpoints") / "step_00000004.ckpt").unlink()  # making room is no saving
    found = place(ckpt_path="last")
    assert found.run_dir == Path("runs/x4_prelu/a")
    assert read_step(found.checkpoint) == 8


def test_without_a_checkpoint_last_is_an_error_and_auto_starts_from_scratch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="ckpt_path=last: there is no checkpoint below runs/x4_prelu"):
        place(ckpt_path="last")
    fresh = place(ckpt_path="auto")
    assert fresh.checkpoint is None
    assert fresh.run_dir.parent == Path("runs/x4_prelu")
    assert place(ckpt_path="auto", run_dir="mine") == (Path("mine"), None)


def test_a_cut_off_checkpoint_is_named_and_the_newest_sound_one_taken(
    finished_run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run_dir = tmp_path / "run"
    shutil.copytree(finished_run, run_dir)
    last = run_dir / "checkpoints" / "last.ckpt"
    (run_dir / "checkpoints" / "best_gan.ckpt").unlink()
    for step in (6, 8):
        (run_dir / "checkpoints" / f"step_{step:08}.ckpt").unlink()
    last.write_bytes(last.read_bytes()[:-1000])
    with caplog.at_level(logging.WARNING):
        assert newest_sound(run_dir) == run_dir / "checkpoints" / "step_00000004.ckpt"
    assert str(last) in caplog.text


def test_a_flipped_bit_in_a_checkpoint_is_found(finished_run: Path, tmp_path: Path) -> None:
    content = bytearray((finished_run / "checkpoints" / "last.ckpt").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "last.ckpt").write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        read_step(tmp_path / "last.ckpt")


def test_auto_has_nothing_to_do_for_a_complete_run(finished_run: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = (finished_run / "checkpoints" / "last.ckpt").stat().st_mtime_ns
    with caplog.at_level(logging.INFO):
        run(finished_run, "trainer.max_steps=8", "ckpt_path=auto")
    assert "is complete (8 iterations)" in caplog.text
    assert (finished_run / "checkpoints" / "last.ckpt").stat().st_mtime_ns == before


def test_a_slurm_job_finds_its_folder_again(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert place(ckpt_path="auto", slurm_job="42") == (Path("runs/x4_prelu/slurm_42"), None)
    shutil.copytree(finished_run, "runs/x4_prelu/slurm_42")
    shutil.copytree(finished_run, "runs/x4_prelu/newer")
    assert place(ckpt_path="auto", slurm_job="42").run_dir == Path("runs/x4_prelu/slurm_42")


def test_other_stages_than_the_checkpoints_are_refused(finished_run: Path) -> None:
    with pytest.raises(UserError, match="was trained with the optimizers pixel, generator, discriminator"):
        run(finished_run, "trainer.max_steps=20", "loss.adversarial.weight=0", "ckpt_path=last")
