"""Every experiment trains through both stages; so do networks, losses and folders from outside."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from esrgan_train.archs.discovery import ENVIRONMENT_VARIABLE
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.build import build_generator
from esrgan_train.config import check, compose_config, config_dir
from esrgan_train.modelfiles.weights import save_model
from esrgan_train.train import train

pytestmark = pytest.mark.run

FROM_TRAINED = ("x4_general_wdn", "finetune")  # start with the GAN stage, from a trained model
PIXEL_ALONE = ("x4_net", "x2_clean")
EXPERIMENTS = sorted(file.stem for file in (config_dir() / "experiment").glob("*.yaml"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 255, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((96, 96), Image.Resampling.BICUBIC).save(folder / f"{number}.png")
    return folder


def two_iterations(photos: Path, run_dir: Path, *, small: tuple[str, ...]) -> list[str]:
    """Overrides: one iteration of each stage, everything as small as it goes."""
    return [
        *("data=folder", f"data.train_dir={photos}", "recipe=demo", "degradation=bicubic", f"run_dir={run_dir}"),
        *("recipe.gt_size=24", "data.batch_size=1", "data.num_workers=0", "trainer.num_sanity_val_steps=0"),
        *(
            "recipe.max_steps=2",
            "recipe.start_step=1",
            "recipe.val_check_interval=2",
            "recipe.log_every_n_steps=1",
            "recipe.perceptual_weight=1",
        ),
        *("trainer.accelerator=cpu", "trainer.precision=32", "callbacks.previews=null", "callbacks.curves=null"),
        *("discriminator.num_feat=2", *small),
    ]


SRVGG = ("generator.num_feat=4", "generator.num_conv=1")
RRDB = ("generator.num_filters=4", "generator.num_blocks=1")


def rows(run_dir: Path) -> list[dict[str, str]]:
    with (run_dir / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def trained(run_dir: Path) -> set[str]:
    """The losses that were logged, after making sure that they are numbers."""
    return {name for row in rows(run_dir) for name, value in row.items() if value and np.isfinite(float(value))}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_takes_an_iteration_of_each_stage(experiment: str, photos: Path, tmp_path: Path):
    small = RRDB if experiment == "x4_rrdb" else SRVGG
    # VGG19's first layers are enough to show that the perceptual loss takes part.
    vgg = tuple(f"loss.perceptual.function.layers.conv{name}=0" for name in ("2_2", "3_4", "4_4", "5_4"))
    overrides = [f"experiment={experiment}", *two_iterations(photos, tmp_path / "run", small=(*small, *vgg))]
    if experiment in FROM_TRAINED:
        sibling = SRVGGNetCompact(num_feat=4, num_conv=1, upscale=4)
        save_model(tmp_path / "sibling.pth", sibling.state_dict(), {})
        overrides += [f"init_from={tmp_path / 'sibling.pth'}", "recipe.finetune_steps=1"]
    cfg = compose_config(overrides)
    assert cfg.experiment == experiment
    assert cfg.upscale == (int(experiment[1]) if experiment != "finetune" else 4)
    activation = experiment.partition("_")[2]
    if activation in ("prelu", "relu", "leakyrelu"):
        assert cfg.generator.act_type == activation
    if experiment in PIXEL_ALONE:
        assert cfg.trainer.max_steps == 1
    train(cfg)
    losses = trained(tmp_path / "run")
    gan = {"train/perceptual", "train/adversarial", "train/d_real", "train/d_fake"}
    assert "train/pixel" in losses
    expected = set() if experiment in PIXEL_ALONE else gan
    if experiment in FROM_TRAINED:
        expected = gan - {"train/perceptual"}  # the demo's random features would spoil trained weights
    assert losses & gan == expected
    assert (tmp_path / "run" / "model" / f"{experiment}.pth").is_file()


def test_the_published_list_of_experiments_is_there():
    acts = ("prelu", "relu", "leakyrelu")
    named = ("net", "general", "general_wdn", "ultracompact", "superultracompact", "rrdb")
    by_use = ["x1_restore", "x2_clean", "x2_general", "x2_photo", "x2_video", "x4_photo"]
    networks = [f"x{s}_{a}" for s in (2, 3, 4) for a in acts] + [f"x4_{n}" for n in named]
    assert sorted(["finetune", *by_use, *networks]) == EXPERIMENTS


# networks of spandrel


SPAN = """
_target_: spandrel.architectures.SPAN.SPAN
num_in_ch: 3
num_out_ch: 3
feature_channels: 4
"""


def config_folder(folder: Path, **files: str) -> str:
    """Write YAML files, named group__choice; the override that adds the folder."""
    for name, content in files.items():
        group, _, choice = name.partition("__")
        (folder / group).mkdir(parents=True, exist_ok=True)
        (folder / group / f"{choice}.yaml").write_text(content)
    return f"hydra.searchpath=[file://{folder}]"


@pytest.mark.slow
@pytest.mark.parametrize("upscale", [2, pytest.param(3, marks=pytest.mark.tools)])  # a minute each
def test_upscale_alone_reaches_every_part_of_a_run_with_another_network(
    upscale: int, photos: Path, tmp_path: Path
):
    added = config_folder(tmp_path / "conf", generator__span=SPAN)
    run_dir = tmp_path / "run"
    overrides = [added, "generator=span", f"upscale={upscale}", "loss.perceptual.weight=0"]
    train(compose_config([*overrides, *two_iterations(photos, run_dir, small=())]))
    assert "train/adversarial" in trained(run_dir)
    written = (run_dir / "config.yaml").read_text()
    assert written.count(f"upscale: {upscale}\n") >= 4  # the run, the network, the data, the degradation


@pytest.mark.parametrize("upscale", [1, 2, 3, 4])
def test_rrdb_follows_upscale(upscale: int):
    cfg = compose_config(["generator=rrdb", f"upscale={upscale}", *RRDB])
    check(cfg)
    assert cfg.generator.scale == upscale
    assert build_generator(cfg)(torch.zeros(1, 3, 8, 8)).shape == (1, 3, 8 * upscale, 8 * upscale)


# a folder of the user's own


MY_ARCH = '''
from torch import Tensor, nn
from esrgan_train.archs import generator

@generator("mine")
class Mine(nn.Module):
    """One convolution and a pixel shuffle."""

    def __init__(self, upscale: int = 4, width: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3 * upscale**2, width, padding=width // 2)
        self.shuffle = nn.PixelShuffle(upscale)

    def forward(self, lr: Tensor) -> Tensor:
        return self.shuffle(self.conv(lr))
'''
MY_LOSS = """
import torch

class MyLoss(torch.nn.Module):
    def __init__(self, *, power: float) -> None:
        super().__init__()
        self.power = power

    def forward(self, sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
        return (sr - hr).abs().pow(self.power).mean()
"""
MY_EXPERIMENT = """
# @package _global_
defaults:
  - override /generator: mine
upscale: 2
loss:
  perceptual:
    weight: 0.0
  pixel:
    function:
      _target_: my_losses.MyLoss
      power: 1.5
"""


@pytest.mark.slow
def test_an_experiment_a_network_and_a_loss_from_outside_train(photos: Path, tmp_path: Path):
    (tmp_path / "archs").mkdir()
    (tmp_path / "archs" / "mine_arch.py").write_text(MY_ARCH)
    (tmp_path / "my_losses.py").write_text(MY_LOSS)
    added = config_folder(tmp_path / "conf", experiment__x2_mine=MY_EXPERIMENT)
    overrides = ["experiment=x2_mine", added, *two_iterations(photos, Path("run"), small=("generator.width=5",))]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    environment[ENVIRONMENT_VARIABLE] = "archs"
    done = subprocess.run(
        [sys.executable, "-m", "esrgan_train", *overrides],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {"train/pixel", "train/adversarial"} <= trained(tmp_path / "run")
    assert (tmp_path / "run" / "model" / "x2_mine.pth").is_file()
    written = (tmp_path / "run" / "config.yaml").read_text()
    assert "width: 5" in written
    assert "_target_: my_losses.MyLoss" in written
