"""A run becomes a model that ships: its files, what its card says, and the command that starts it again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from esrgan_train.errors import UserError
from esrgan_train.images.encode import write_image
from esrgan_train.inference.models import load_generator
from esrgan_train.starters import catalogue
from tests.starters import beginning, ship
from tests.starters.beginning import BY_THE_CLOCK, figures_of

pytestmark = [pytest.mark.run, pytest.mark.slow]

WORDS = (
    *("data=debian", "experiment=x2_clean", "logger=csv", "data.num_workers=0", "seed=3"),
    *(
        "recipe.start_step=120",
        "recipe.max_steps=130",
        "recipe.val_check_interval=60",
        "recipe.log_every_n_steps=50",
    ),
    *("data.gt_size=32", "data.batch_size=2", "data.val_draws=1", "callbacks.report=null"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photographs where ``make photos`` puts them, and a run that trained on them."""
    place = tmp_path_factory.mktemp("place")
    noise = np.random.default_rng(0)
    for number, side in enumerate(["train", "train", "held_out"]):
        coarse = noise.integers(0, 256, (8, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        write_image(place / "data/debian" / side / f"{number}.png", coarse)
    (place / "data/debian/set.json").write_text('{"edition": "0123", "whole": true}', encoding="utf-8")
    (place / "data/debian/LICENCES.md").write_text("# debian\n\n| wood | GFDL |\n", encoding="utf-8")
    command = [sys.executable, "-m", "esrgan_train", *WORDS, "run_dir=runs/x2_clean"]
    subprocess.run(command, cwd=place, check=True, capture_output=True)
    return place


@pytest.fixture
def run(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run; models go into a folder of the test."""
    monkeypatch.chdir(place)
    (tmp_path / "starters").mkdir()
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path / "starters")
    return Path(shutil.copytree("runs/x2_clean", tmp_path / "run"))


def test_one_command_writes_weights_card_and_record(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    assert ship.main([str(run), "--note", "Nothing else ran."]) == 0
    lr = torch.rand(1, 3, 9, 7)
    with torch.inference_mode():
        trained = load_generator(run / "model/x2_clean.safetensors")(lr)
        assert torch.equal(load_generator("x2_clean")(lr), trained)

    (starter,) = (one for one in catalogue.STARTERS if one.name == "x2_clean")
    record = json.loads(starter.record.read_text(encoding="utf-8"))
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert record["iterations"] == {"pixel": 120, "gan": 0}
    assert (record["seed"], record["parameters"], record["data"]["edition"]) == (3, 45156, "0123")
    assert record["seconds"] == summary["seconds"]
    assert record["commit"] == summary["commit"]
    assert record["command"].endswith(f"python -m esrgan_train {' '.join(WORDS)}")
    assert record["held_out"]["psnr"] > 0
    figures = record["beginning"]["figures"]
    assert figures == figures_of(run)
    assert {"train/pixel", "train/lr"} < figures.keys()
    assert BY_THE_CLOCK not in figures

    card = starter.card.read_text(encoding="utf-8")
    told = ("licence | MIT", "Nothing else ran.", "| wood | GFDL |", "120 with the pixel loss", record["sha256"])
    for text in (*told, f"    {record['command']}\n", record["commit"], f"| {figures['train/pixel']} |"):
        assert text in card
    assert str(starter.file) in capsys.readouterr().out

    assert beginning.main(["x2_clean"]) == 0
    otherwise = figures | {"train/pixel": str(float(figures["train/pixel"]) + 2e-3)}
    monkeypatch.setattr(beginning, "begin", lambda *_, **__: otherwise)
    assert beginning.main(["x2_clean"]) == 1


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        (
            "summary.json",
            '"iterations": 120,',
            '"iterations": 60,',
            "iterations is 60, and a starter model needs 120",
        ),
        ("config.yaml", "name: starter", "name: demo", "recipe is demo"),
        ("config.yaml", "init_from: null", "init_from: other.pth", r"init_from is other\.pth"),
        ("config.yaml", "train_dir: data/debian/train", "train_dir: mine", r"data\.train_dir is mine"),
        ("config.yaml", "num_feat: 24", "num_feat: 64", r"generator\.num_feat is 64"),
        (
            "config.yaml",
            "experiment: x2_clean",
            "experiment: x4_net",
            "give a run of x2_photo, x4_photo, x2_clean",
        ),
    ],
)
def test_a_run_that_was_trained_otherwise_is_refused(run: Path, file: str, old: str, new: str, reason: str):
    text = (run / file).read_text(encoding="utf-8")
    assert old in text
    (run / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=reason):
        ship.main([str(run)])
    assert list(catalogue.FOLDER.iterdir()) == []


def test_a_run_whose_command_now_trains_otherwise_is_refused(run: Path):
    (starter,) = (one for one in catalogue.STARTERS if one.name == "x2_clean")
    again = figures_of(run) | {"train/pixel": "0.5"}
    with pytest.raises(UserError, match=r"its command now has .*'train/pixel': '0\.5'"):
        ship.put(run, starter, again, None)
    assert list(catalogue.FOLDER.iterdir()) == []
