from __future__ import annotations

from pathlib import Path

import hydra
import pytest
from omegaconf import DictConfig, OmegaConf

from esrgan_train.config import compose_config, config_dir, register, with_upscale
from esrgan_train.report.folder import read_folders
from esrgan_train.report.settings import _composed, comparison, differences
from tests.report.folders import make_run


def resolved(*overrides: str) -> DictConfig:
    config = with_upscale(compose_config(overrides))
    return DictConfig(OmegaConf.to_container(config, resolve=True, throw_on_missing=False))


@pytest.mark.parametrize("given", [[], ["upscale=2"], ["generator.num_feat=24", "training.usm=true", "seed=3"]])
def test_differences_are_what_was_given(given: list[str]) -> None:
    found = differences(resolved(*given, "run_dir=somewhere"))
    assert found.base == "experiment=x4_prelu data=sample recipe=demo"
    assert found.found is not None
    changed = {f"{each.option}={each.run}" for each in found.found}
    assert set(given) <= changed
    assert bool(changed) == bool(given)


def test_a_job_of_hydra_finds_its_differences_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    monkeypatch.setattr("sys.argv", ["esrgan_train", "callbacks.previews.crop=64", f"hydra.run.dir={tmp_path}"])
    register()
    monkeypatch.setattr("esrgan_train.report.settings._composed", _composed.__wrapped__)

    def job(_: DictConfig) -> None:
        found.append(differences(config))

    config = resolved("callbacks.previews.crop=64")
    hydra.main(version_base="1.3", config_path=str(config_dir()), config_name="train")(job)()
    assert [(each.option, each.run) for each in found[0].found or []] == [("callbacks.previews.crop", "64")]


def test_data_and_recipe_are_those_of_the_run(tmp_path: Path) -> None:
    given = ("data=folder", f"data.train_dir={tmp_path}", "recipe=community", "experiment=x2_general")
    found = differences(resolved(*given))
    assert found.base == "experiment=x2_general data=folder recipe=community"
    assert [(each.option, each.run) for each in found.found or []] == [("data.train_dir", str(tmp_path))]


def test_null_and_missing_are_told_apart() -> None:
    config = resolved("callbacks.previews.crop=64")
    config.loss.own = {"weight": 0.5}
    found = {each.option: each for each in differences(config).found or []}
    assert found["callbacks.previews.crop"] == ("callbacks.previews.crop", "null", "64")
    assert found["loss.own.weight"] == ("loss.own.weight", None, "0.5")


def test_an_experiment_of_ones_own_cannot_be_compared() -> None:
    config = resolved()
    config.experiment = "my_own"
    assert differences(config) == ("experiment=my_own data=sample recipe=demo", None)


def test_a_comparison_marks_what_differs(tmp_path: Path) -> None:
    folders = [make_run(tmp_path / "one"), make_run(tmp_path / "two", overrides=("generator.num_feat=24",))]
    table = comparison(read_folders(folders))
    assert table.runs == ["one", "two"]
    lines = {name: (values, differ) for name, values, differ in table.lines}
    assert lines["generator.num_feat"] == (["64", "24"], True)
    assert lines["val/psnr"] == (["28", "28"], False)
    assert "parameters" not in lines  # nothing says them
