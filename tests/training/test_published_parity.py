"""The training step against the published one, with the published losses."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.losses.perceptual import PUBLISHED_LAYERS, PerceptualLoss
from esrgan_train.losses.vgg_weights import random_weights

LEARNING_RATE, BETAS, EMA_DECAY = 1e-4, (0.9, 0.99), 0.999
VGG_SEED = 3


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The published trainer's model on the CPU, its VGG19 with the weights of ``VGG_SEED``."""

    def vgg19(pretrained: bool) -> nn.Module:  # noqa: ARG001 — the published call's argument
        network = torchvision.models.vgg19(weights=None)
        network.load_state_dict(random_weights(VGG_SEED), strict=False)
        return network

    monkeypatch.setattr(nn.Module, "cuda", lambda module, *_: module)
    monkeypatch.setattr("basicsr.archs.vgg_arch.vgg.vgg19", vgg19)
    from realesrgan.models.realesrgan_model import RealESRGANModel

    adam = {"type": "Adam", "lr": LEARNING_RATE, "betas": list(BETAS), "weight_decay": 0}
    options = {
        "num_gpu": 0,
        "is_train": True,
        "dist": False,
        "rank": 0,
        "scale": 4,
        "l1_gt_usm": True,
        "percep_gt_usm": True,
        "gan_gt_usm": False,
        "path": {},
        "network_g": {"type": "SRVGGNetCompact", "num_feat": 8, "num_conv": 2, "upscale": 4},
        "network_d": {"type": "UNetDiscriminatorSN", "num_in_ch": 3, "num_feat": 8},
        "train": {
            "ema_decay": EMA_DECAY,
            "optim_g": dict(adam),
            "optim_d": dict(adam),
            "scheduler": {"type": "MultiStepLR", "milestones": [400000], "gamma": 0.5},
            "pixel_opt": {"type": "L1Loss", "loss_weight": 1.0, "reduction": "mean"},
            "perceptual_opt": {
                "type": "PerceptualLoss",
                "layer_weights": dict(PUBLISHED_LAYERS),
                "vgg_type": "vgg19",
                "use_input_norm": True,
                "range_norm": False,
                "perceptual_weight": 1.0,
                "style_weight": 0,
                "criterion": "l1",
            },
            "gan_opt": {
                "type": "GANLoss",
                "gan_type": "vanilla",
                "real_label_val": 1.0,
                "fake_label_val": 0.0,
                "loss_weight": 0.1,
            },
            "net_d_iters": 1,
            "net_d_init_iters": 0,
        },
    }
    torch.manual_seed(0)
    return RealESRGANModel(options)


@pytest.mark.slow
@pytest.mark.run
def test_three_gan_iterations_equal_the_published_ones(
    published: Any, make_module: Any, make_objective: Any, batches: Any, fit: Any
) -> None:
    generator = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=4)
    generator.load_state_dict(published.net_g.state_dict())
    discriminator = UNetDiscriminatorSN(num_feat=8)
    discriminator.load_state_dict(copy.deepcopy(published.net_d.state_dict()))
    adam = partial(torch.optim.Adam, lr=LEARNING_RATE, betas=BETAS)
    module = make_module(
        make_objective(
            perceptual=PerceptualLoss(features="random", seed=VGG_SEED),
            perceptual_weight=1.0,
        ),
        generator=generator,
        discriminator=discriminator,
        make_optimizers={"pixel": adam, "generator": adam, "discriminator": adam},
        ema_decay=EMA_DECAY,
        shared_fake_forward=False,
    )

    started_from = copy.deepcopy(generator.state_dict())
    for iteration, batch in enumerate(batches[:3], start=1):
        published.lq, published.gt, published.gt_usm = batch["lr"], batch["hr"], batch["hr_target"]
        published.optimize_parameters(iteration)
    fit(module, batches, steps=3)

    pairs = {
        "G": (module.generator, published.net_g),
        "D": (module.discriminator, published.net_d),
        "EMA": (module.ema.module, published.net_g_ema),
    }
    for name, (ours, theirs) in pairs.items():
        expected = theirs.state_dict()
        assert list(ours.state_dict()) == list(expected)
        for key, value in ours.state_dict().items():
            difference = (value - expected[key]).abs().max().item()
            assert difference < 1e-5, f"{name} {key} differs by {difference}"
    moved = max((generator.state_dict()[k] - v).abs().max().item() for k, v in started_from.items())
    assert moved > 2e-4  # the tolerance is far below what three iterations change
