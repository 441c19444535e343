from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf
from PIL import Image

from esrgan_train.compare.__main__ import main
from esrgan_train.compare.chart import thinned
from esrgan_train.compare.runs import find_runs, short_names
from esrgan_train.config import compose_config
from esrgan_train.errors import UserError
from esrgan_train.train import train
from tests.tiny import tiny

pytestmark = pytest.mark.run

SHORT = ("recipe.max_steps=4", "recipe.start_step=2", "callbacks.lpips.use=false")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two finished runs, and one that never came to a validation."""
    folder = tmp_path_factory.mktemp("sweep")
    train(compose_config(tiny(folder / "a", *SHORT)))
    train(compose_config(tiny(folder / "b", *SHORT, "generator.num_feat=12")))
    shutil.copytree(folder / "a", folder / "c")
    (folder / "c" / "summary.json").unlink()
    return folder


def compare(*arguments: Any) -> int:
    return main([str(each) for each in arguments])


@pytest.mark.slow
def test_a_folder_of_runs_gives_a_table_curves_and_crops(
    sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert compare(sweep, "-o", tmp_path, "--photos", 2, "--crop", 64) == 0
    with (tmp_path / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["run"], row["generator.num_feat"], row["iterations"]) for row in rows] == [
        ("a", "8", "4"),
        ("b", "12", "4"),
    ]
    assert int(rows[0]["parameters"]) == 8 * 28 + 2 * 8 * (8 * 9 + 1) + 48 * (8 * 9 + 1) + 3 * 8
    assert "optimizer.lr" not in rows[0]  # the same in both
    assert "generator.num_feat" in capsys.readouterr().out
    assert f"{sweep / 'c'} is left out: summary.json is missing" in caplog.text
    with Image.open(tmp_path / "crops.png") as crops:
        assert crops.width > 4 * 64  # bicubic, both runs, HR
    with Image.open(tmp_path / "curves.png") as curves:
        assert np.asarray(curves.convert("L")).std() > 1


@pytest.mark.slow
def test_runs_of_another_scale_are_pointed_out(
    sweep: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train(compose_config(tiny(tmp_path / "x2", *SHORT, "upscale=2")))
    compare(sweep / "a", tmp_path / "x2", "-o", tmp_path / "out")
    assert "x2 upscales ×2, a ×4" in caplog.text


def test_a_broken_run_is_named_and_nothing_to_compare_is_an_error(
    sweep: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(sweep / "a", tmp_path / "broken")
    (tmp_path / "broken" / "summary.json").write_text("{")
    with pytest.raises(UserError, match="no run to compare"):
        compare(tmp_path / "broken", "-o", tmp_path / "out")
    assert "broken is left out: broken: JSONDecodeError" in caplog.text
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_run_without_its_photos_is_shown_with_those_of_the_others(
    sweep: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = tmp_path / "gone"
    shutil.copytree(sweep / "b", gone)
    config = OmegaConf.load(gone / "config.yaml")
    config.data.update(_target_="esrgan_train.data.folders.folder_photos", max_val_photos=2)
    config.data.update(train_dir=str(tmp_path / "nowhere"), val_dir=None, val_fraction=0.5)
    OmegaConf.save(config, gone / "config.yaml")

    assert compare(gone, sweep / "a", "-o", tmp_path / "out", "--photos", 1, "--crop", 64) == 0
    assert f"the held-out photos of gone are not here (data.train_dir={tmp_path / 'nowhere'}" in caplog.text
    compare(sweep / "b", sweep / "a", "-o", tmp_path / "whole", "--photos", 1, "--crop", 64)
    pixels = [np.asarray(Image.open(tmp_path / out / "crops.png"))[-100:] for out in ("out", "whole")]
    assert pixels[0][-60:].tolist() == pixels[1][-60:].tolist()  # below the labels

    assert compare(gone, "-o", tmp_path / "alone") == 0
    assert sorted(file.name for file in (tmp_path / "alone").iterdir()) == ["comparison.csv", "curves.png"]
    assert "no run's held-out photos are here" in caplog.text


def test_a_long_curve_is_drawn_by_means_and_a_short_one_as_it_is() -> None:
    assert thinned([10, 20, 30], [3.0, 1.0, 2.0]) == ([10, 20, 30], [3.0, 1.0, 2.0])
    assert thinned([1, 2, 3, 4, 5, 6], [0.0, 2.0, 4.0, 6.0, 8.0, 10.0], most=3) == (
        [1.5, 3.5, 5.5],
        [1.0, 5.0, 9.0],
    )
    assert thinned([], []) == ([], [])


@pytest.mark.slow
def test_the_command_says_what_it_wrote(sweep: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "esrgan_train.compare", str(sweep / "a"), "-o", "out", "--photos", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-3:] == ["out/comparison.csv", "out/curves.png", "out/crops.png"]


def test_long_names_of_settings_are_not_cut_off(
    sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = tmp_path / "deep"
    shutil.copytree(sweep / "a", deep)
    config = OmegaConf.load(deep / "config.yaml")
    config.generator.a_setting_with_a_name_as_long_as_they_come = "x" * 100
    OmegaConf.save(config, deep / "config.yaml")
    compare(sweep / "a", deep, "-o", tmp_path / "out", "--photos", 1, "--crop", 32)
    printed = capsys.readouterr().out
    assert "generator.a_setting_with_a_name_as_long_as_they_come" in printed
    assert "x" * 100 in printed


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no run"):
        find_runs([tmp_path])
    with pytest.raises(UserError, match="is not a folder"):
        find_runs([tmp_path / "nowhere"])


def test_runs_are_named_as_shortly_as_tells_them_apart() -> None:
    assert short_names([Path("/r/x4/1"), Path("/r/x4/2")]) == ["1", "2"]
    assert short_names([Path("/r/x4/1"), Path("/r/x2/1")]) == ["x4/1", "x2/1"]
