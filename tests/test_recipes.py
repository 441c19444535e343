"""Recipes: what chooses them, what they choose, that experiments go with them, and what the docs say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from omegaconf import DictConfig
from PIL import Image

from benchmarks.plan.recipe import published
from esrgan_train.config import check, compose_config, config_dir
from esrgan_train.train import train
from tests.tiny import tiny

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "recipes.md"
RECIPES = sorted(file.stem for file in (config_dir() / "recipe").glob("*.yaml"))
EXPERIMENTS = sorted(file.stem for file in (config_dir() / "experiment").glob("*.yaml"))
OWN = {"folder": ("data=folder", "data.train_dir=a"), "paired": ("data=paired", "data.train_dir=a")}


def losses_of(cfg: DictConfig) -> list[str]:
    return [str(name) for name in cfg.loss]


@pytest.mark.parametrize("data", OWN)
def test_own_photos_choose_overnight_and_the_command_line_another(data: str):
    assert compose_config(OWN[data]).recipe.name == "overnight"
    for recipe in ("published", "community"):
        assert compose_config([*OWN[data], f"recipe={recipe}"]).recipe.name == recipe
        assert compose_config([f"recipe={recipe}", *OWN[data]]).recipe.name == recipe


@pytest.mark.parametrize(
    ("experiment", "upscale", "iterations", "share"),
    [("x2_clean", 2, 10_000, None), ("x2_photo", 2, 11_000, 0.3), ("x4_photo", 4, 11_000, 0.3)],
)
def test_starter_models_are_one_command(experiment: str, upscale: int, iterations: int, share: float | None):
    cfg = compose_config([f"experiment={experiment}", "data=debian"])
    check(cfg)
    assert (cfg.recipe.name, cfg.upscale, cfg.trainer.max_steps) == ("starter", upscale, iterations)
    assert (cfg.data.train_dir, cfg.data.val_dir) == ("data/debian/train", "data/debian/held_out")
    assert cfg.data.rotate
    assert cfg.data.val_clean
    assert (cfg.generator.num_feat, cfg.generator.num_conv) == (24, 8)
    assert cfg.degradation.get("clean_prob") == share
    assert cfg.loss.perceptual.weight == 0
    assert (cfg.loss.adversarial.weight > 0) == (experiment != "x2_clean")
    assert {"grid", "mean_colour"}.issubset(cfg.loss) == (experiment == "x4_photo")


@pytest.mark.parametrize("experiment", ["x2_clean", "x2_photo"])
def test_another_network_may_be_named_beside_the_experiment(experiment: str):
    assert compose_config([f"experiment={experiment}", "generator=ultracompact"]).generator.num_feat == 64
    check(compose_config([f"experiment={experiment}", "generator=span", "data.gt_size=96"]))


def test_starter_models_take_ones_own_photos_too():
    cfg = compose_config(["experiment=x2_photo", "recipe=starter", "data=folder", "data.train_dir=my/photos"])
    check(cfg)
    assert (cfg.recipe.name, cfg.data.train_dir, cfg.data.val_dir) == ("starter", "my/photos", None)


def test_photographs_that_ship_choose_the_demo():
    assert compose_config([]).recipe.name == "demo"


def test_a_recipe_chooses_losses_and_optimizer_and_the_command_line_others():
    cfg = compose_config(["recipe=community"])
    assert losses_of(cfg) == ["pixel", "perceptual", "adversarial", "ms_ssim", "chroma"]
    weights = {name: cfg.loss[name].weight for name in losses_of(cfg)}
    assert weights == {"pixel": 1, "perceptual": 1, "adversarial": 0.1, "ms_ssim": 0.5, "chroma": 1}
    assert cfg.optimizer.generator._target_ == "torch.optim.AdamW"
    cfg = compose_config(["recipe=community", "loss/terms=[ldl]", "optimizer=adam"])
    assert losses_of(cfg)[3:] == ["ldl"]
    assert cfg.optimizer.generator._target_ == "torch.optim.Adam"


def test_an_experiment_wins_over_the_recipe(tmp_path: Path):
    (tmp_path / "experiment").mkdir()
    content = "# @package _global_\ndefaults:\n  - override /loss/terms: [ssim]\n  - override /optimizer: adam\n"
    (tmp_path / "experiment" / "mine.yaml").write_text(content)
    cfg = compose_config(["recipe=community", "experiment=mine", f"hydra.searchpath=[file://{tmp_path}]"])
    assert losses_of(cfg)[3:] == ["ssim"]
    assert cfg.optimizer.generator._target_ == "torch.optim.Adam"


def test_a_recipe_from_before_rotations_goes_on_working(tmp_path: Path):
    (tmp_path / "recipe").mkdir()
    values = yaml.safe_load((config_dir() / "recipe" / "published.yaml").read_text())
    assert "rotate" not in values
    (tmp_path / "recipe" / "mine.yaml").write_text(yaml.safe_dump(values | {"name": "mine"}))
    check(compose_config(["recipe=mine", f"hydra.searchpath=[file://{tmp_path}]"]))


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_experiment_goes_with_every_recipe(recipe: str):
    for experiment in EXPERIMENTS:
        cfg = compose_config([f"experiment={experiment}", f"recipe={recipe}"])
        assert (cfg.experiment, cfg.recipe.name) == (experiment, recipe)
        assert cfg.data.gt_size == cfg.recipe.gt_size // 24 * 24 if cfg.upscale == 3 else cfg.recipe.gt_size
        assert cfg.trainer.max_steps in (cfg.recipe.max_steps, cfg.recipe.start_step, cfg.recipe.finetune_steps)


@pytest.mark.slow
@pytest.mark.run
@pytest.mark.parametrize("recipe", ["overnight", "community"])
def test_a_recipe_of_own_photos_takes_two_iterations_of_each_stage(recipe: str, tmp_path: Path):
    steps = ("recipe.max_steps=4", "recipe.start_step=2")
    train(compose_config([*tiny(tmp_path / "run", f"recipe={recipe}", "recipe.gt_size=48", *steps)]))
    header, *rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    assert {"train/pixel", "train/adversarial"} <= set(header.split(","))
    assert ("train/ms_ssim" in header) == ("train/chroma" in header) == (recipe == "community")
    assert rows


@pytest.mark.run
def test_pairs_of_one_size_train_to_restore(tmp_path: Path):
    for side in ("hr", "lr"):
        (tmp_path / side).mkdir()
        for number in range(3):
            noise = np.random.default_rng(number).integers(0, 255, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(noise).save(tmp_path / side / f"{number}.png")
    photos = ("data=paired", f"data.train_dir={tmp_path / 'hr'}", f"data.train_lr_dir={tmp_path / 'lr'}")
    given = ("experiment=x1_restore", "degradation=none", "recipe.max_steps=2", "recipe.start_step=1")
    train(compose_config([*photos, *given, *tiny(tmp_path / "run")]))
    assert (tmp_path / "run" / "model" / "x1_restore.pth").is_file()


@pytest.mark.parametrize("name", ["restore", "frames"])
def test_a_degradation_goes_with_one_size_and_with_two(name: str):
    for upscale in (1, 2):
        check(compose_config([f"degradation={name}", f"upscale={upscale}"]))


def test_restoring_resizes_nothing():
    cfg = compose_config(["experiment=x1_restore"])
    assert cfg.upscale == 1
    for stage in (cfg.degradation.first, cfg.degradation.second):
        assert (stage.up_odds, stage.down_odds) == (0, 0) < (stage.keep_odds,) * 2


# what docs/recipes.md says


def cell(value: Any) -> str:
    """A value as the page writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def page_rows() -> dict[str, list[str]]:
    """The rows of the page's table of recipes, by their first cell; the header is under an empty one."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("| | `demo` |"))
    rows: dict[str, list[str]] = {}
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        name, *cells = (each.strip() for each in line.strip("|").split("|"))
        rows[name] = cells
    return rows


def test_the_page_says_what_the_recipes_hold():
    rows = page_rows()
    names = [name.strip("`") for name in rows[""]]
    assert sorted(names) == RECIPES
    cfgs = [compose_config([f"recipe={name}"]) for name in names]
    keys = {found[1]: cells for name, cells in rows.items() if (found := re.match(r"`(\w+)`", name))}
    assert len(keys) == 11
    for key, cells in keys.items():
        assert cells == [cell(cfg.recipe.get(key, False)) for cfg in cfgs], key
    assert rows["`loss.perceptual.weight`"] == [f"{cfg.loss.perceptual.weight:g}" for cfg in cfgs]
    targets = [cfg.optimizer.generator._target_.rpartition(".")[2].lower() for cfg in cfgs]
    assert rows["optimizer"] == targets
    assert rows["further losses"] == [", ".join(losses_of(cfg)[3:]) or "none" for cfg in cfgs]


def test_readme_help_and_page_name_the_recipes_and_lengths():
    overnight = published(["recipe=overnight"])
    words = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"{overnight.iterations['pixel']:,} iterations with the pixel loss" in words
    assert f"then {overnight.iterations['gan']:,} with pixel" in words
    assert f"batch of {overnight.batch_size}" in words
    assert f"crops of {overnight.gt_size} pixels" in words
    helped = (config_dir() / "train.yaml").read_text(encoding="utf-8")
    for name in (*RECIPES, *EXPERIMENTS):
        assert re.search(rf"^ +.*\b{name}\b", helped.partition("template:")[2], re.MULTILINE), name
