from __future__ import annotations

from pathlib import Path

import hydra
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from esrgan_train.losses.adversarial import HingeLoss, VanillaLoss
from esrgan_train.losses.perceptual import PerceptualLoss
from esrgan_train.losses.pixel import CharbonnierLoss

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture
def compose(tmp_path):
    (tmp_path / "main.yaml").write_text(
        "defaults:\n  - loss: esrgan\n  - _self_\n"
        "recipe: {perceptual_features: random, start_step: 70}\n"
        f"hydra:\n  searchpath: ['file://{CONF}']\n"
    )

    def compose(*overrides: str) -> DictConfig:
        with hydra.initialize_config_dir(str(tmp_path), version_base="1.3"):
            return hydra.compose("main", overrides=list(overrides)).loss

    return compose


def test_the_published_losses_are_the_default(compose):
    loss = compose()
    assert (loss.pixel.weight, loss.perceptual.weight, loss.adversarial.weight) == (1.0, 1.0, 0.1)
    assert (loss.perceptual.features, loss.adversarial.start_step) == ("random", 70)
    assert isinstance(instantiate(loss.pixel.function), torch.nn.L1Loss)
    assert isinstance(instantiate(loss.perceptual.function), PerceptualLoss)
    assert isinstance(instantiate(loss.adversarial.function), VanillaLoss)


def test_others_can_be_chosen(compose):
    loss = compose("loss/pixel=charbonnier", "loss/adversarial=hinge", "loss.adversarial.start_step=5")
    assert isinstance(instantiate(loss.pixel.function), CharbonnierLoss)
    assert isinstance(instantiate(loss.adversarial.function), HingeLoss)
    assert loss.adversarial.start_step == 5


def test_the_common_keys_reach_the_functions(compose, tmp_path):
    loss = compose(f"loss.perceptual.features={tmp_path}/vgg.pth")
    assert loss.perceptual.function.features == f"{tmp_path}/vgg.pth"
