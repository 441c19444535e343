from __future__ import annotations

import json
import math
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from esrgan_train.compare.__main__ import _draw_study
from esrgan_train.compare.study import read_study
from esrgan_train.compare.study_chart import draw_study, place_of
from esrgan_train.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A search by a loss that depends on lr alone."""
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "journal.log")))
    study = optuna.create_study(study_name="proof", storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
    for number in range(40):
        trial = study.ask()
        rate = trial.suggest_float("optimizer.lr", 1e-5, 1e-3, log=True)
        trial.suggest_categorical("generator.act_type", ["prelu", "relu"])
        trial.suggest_int("generator.num_feat", 8, 64, step=8)
        state = optuna.trial.TrialState.PRUNED if number % 5 == 4 else None
        study.tell(trial, None if state else (math.log10(rate) + 4) ** 2, state=state)
    (tmp_path / "search.json").write_text(json.dumps({"name": "proof", "metric": "val/lpips", "journal": True}))
    return tmp_path


def test_the_study_is_read_with_the_most_important_option_first(folder: Path):
    study = read_study(folder, None)
    assert study is not None
    assert (study.name, study.metric, study.maximizes) == ("proof", "val/lpips", False)
    assert (len(study.complete), len(study.pruned)) == (32, 8)
    assert next(iter(study.space)) == "optimizer.lr"
    assert study.importances["optimizer.lr"] > 0.5
    assert sum(study.importances.values()) == pytest.approx(1)


def test_each_trial_is_a_line_and_the_best_one_is_bold(folder: Path):
    study = read_study(folder, None)
    assert study is not None
    figure = draw_study(study)
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 2]
    complete = [line for line in lines if len(line.get_xdata()) == 4]
    assert (len(complete), len(lines) - len(complete)) == (32, 8)
    (bold,) = [line for line in complete if line.get_linewidth() == 3]
    best = min(study.complete, key=lambda trial: trial.value or 0.0)
    rate = (math.log10(best.params["optimizer.lr"]) + 5) / 2
    assert bold.get_ydata()[0] == pytest.approx(rate)
    assert bold.get_ydata()[-1] == 0  # the smallest value, at the bottom of its scale
    shares = [bar.get_width() for bar in figure.axes[1].patches]
    assert shares == sorted(shares, reverse=True)


def test_a_study_without_results_is_drawn_too(folder: Path):
    study = read_study(folder, None)
    assert study is not None
    for complete in (study.complete[:1], []):
        figure = draw_study(type(study)(**{**vars(study), "complete": complete, "importances": {}}))
        figure.canvas.draw()
        assert "too few trials" in figure.axes[1].get_title()


@pytest.mark.parametrize(
    ("value", "space", "place"),
    [
        (1e-4, FloatDistribution(1e-5, 1e-3, log=True), 0.5),
        (0.55, FloatDistribution(0.1, 1.0), 0.5),
        (8, IntDistribution(8, 64, step=8), 0),
        ("b", CategoricalDistribution(["a", "b"]), 0.75),
    ],
)
def test_a_value_has_its_place_in_its_range(
    value: object, space: optuna.distributions.BaseDistribution, place: float
):
    assert place_of(value, space) == pytest.approx(place)


def test_a_folder_of_no_search_has_no_picture_and_a_database_has_to_be_named(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    assert _draw_study(tmp_path / "elsewhere", None, tmp_path) is None
    assert _draw_study(folder, None, tmp_path / "out") == f"search_{folder.name}.png"
    assert (tmp_path / "out" / f"search_{folder.name}.png").stat().st_size > 10_000
    (folder / "search.json").write_text(json.dumps({"name": "proof", "metric": "val/psnr", "journal": False}))
    with pytest.raises(UserError, match="give --storage"):
        read_study(folder, None)
    assert _draw_study(folder, None, tmp_path / "out") is None
    assert "has no picture of its study" in caplog.text
