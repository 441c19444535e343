from __future__ import annotations

import logging
from pathlib import Path
from typing import NamedTuple

import pytest

from esrgan_train import space
from esrgan_train.config import compose_config
from esrgan_train.doctor.disk import disk_check
from esrgan_train.space import checkpoint_size, free_space, needed, too_little
from esrgan_train.train import build_run, train
from tests.tiny import tiny


class Usage(NamedTuple):
    free: int


def need_of(run_dir: Path, *overrides: str, done: int = 0) -> space.Need:
    run = build_run(compose_config(tiny(run_dir, *overrides)))
    return needed(run.trainer, run.module, run_dir, done=done)


@pytest.mark.run
def test_a_checkpoint_is_as_large_as_its_tensors(finished_run: Path) -> None:
    """But for names and the archive, which count for little in a network of any size."""
    cfg = compose_config(tiny(finished_run, "recipe.start_step=5", "trainer.max_steps=8"))
    size = (finished_run / "checkpoints" / "last.ckpt").stat().st_size
    assert checkpoint_size(build_run(cfg).module) == pytest.approx(size, rel=0.25)


@pytest.mark.slow
@pytest.mark.run
def test_checkpoints_that_are_kept_count(tmp_path: Path) -> None:
    always = 4  # last, two best, and the one being written
    steps = ("recipe.max_steps=40", "recipe.start_step=20", "recipe.val_check_interval=4")
    assert need_of(tmp_path, *steps).kept == always
    assert need_of(tmp_path, *steps, "callbacks.checkpoints.every_n_steps=8").kept == always + 5
    assert need_of(tmp_path, *steps, "callbacks.checkpoints.every_n_steps=6").kept == always + 3  # 12, 24, 36
    assert (
        need_of(tmp_path, *steps, "callbacks.checkpoints.every_n_steps=8", done=24).kept == 3 + 2
    )  # GAN stage alone
    assert need_of(tmp_path, *steps, "callbacks.checkpoints=null").total == 0


@pytest.mark.run
def test_a_resumed_run_replaces_what_is_there(finished_run: Path) -> None:
    more = ("recipe.start_step=5", "recipe.val_check_interval=2", "trainer.max_steps=12")
    assert need_of(finished_run, *more, done=8).kept == 1  # last.ckpt and the best are written again


def test_free_space_is_that_of_the_nearest_folder(tmp_path: Path) -> None:
    assert free_space(tmp_path / "runs" / "x4" / "now")[0] == tmp_path


@pytest.mark.slow
@pytest.mark.run
def test_a_full_disk_is_foretold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = build_run(compose_config(tiny(tmp_path)))
    need = needed(run.trainer, run.module, tmp_path, done=0)
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: Usage(need.total))
    assert too_little(need, tmp_path) is None
    assert [each.status for each in disk_check(run.trainer, run.module, tmp_path, done=0)] == ["ok"]
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: Usage(need.total - 1))
    (found,) = disk_check(run.trainer, run.module, tmp_path, done=0)
    assert found.status == "problem"
    assert "run_dir=" in found.remedy
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        train(compose_config(tiny(tmp_path / "run", "recipe.max_steps=2", "recipe.start_step=1")))
    assert len([line for line in caplog.messages if "but the run will write" in line]) == 1
