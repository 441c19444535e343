"""A small GAN training without configuration files: the same weights and batches on any device."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.losses.adversarial import VanillaLoss
from esrgan_train.losses.perceptual import PerceptualLoss
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.objective import Objective
from esrgan_train.training.options import Options
from esrgan_train.training.precision import Precision
from esrgan_train.training.schedule import Constant
from esrgan_train.training.stages import AdversarialTerm, Term
from esrgan_train.training.step import TrainingStep

Batch = dict[str, Tensor]


def make_batch(device: torch.device, number: int = 0, size: int = 64, samples: int = 4) -> Batch:
    """Noise that has been smoothed, at both sizes."""
    generator = torch.Generator().manual_seed(number)
    rough = torch.rand(samples, 3, size // 8, size // 8, generator=generator)
    hr = torch.nn.functional.interpolate(rough, size=(size, size), mode="bicubic").clamp(0, 1)
    hr = (hr + 0.05 * torch.randn(hr.shape, generator=generator)).clamp(0, 1)
    batch = {
        "lr": torch.nn.functional.avg_pool2d(hr, 4),
        "hr": hr,
        "hr_target": hr,
        "index": torch.arange(samples),
    }
    return {name: tensor.to(device) for name, tensor in batch.items()}


class SameBatch:
    """A loader without end."""

    def __init__(self, device: torch.device) -> None:
        self.batch = make_batch(device)

    def __iter__(self) -> Iterator[Batch]:
        while True:
            yield self.batch


def make_step(
    device: torch.device | str, *, precision: str = "32", start_step: int = 0, **options: Any
) -> TrainingStep:
    """All losses from ``start_step`` iterations on; the networks still lie on the host."""
    torch.manual_seed(0)
    perceptual = PerceptualLoss(features="random", layers={"conv1_2": 0.1, "conv2_2": 1.0})
    terms = [
        Term(name="pixel", function=torch.nn.L1Loss(), weight=1.0),
        Term(name="perceptual", function=perceptual, weight=0.1, stages=("gan",)),
    ]
    adam = partial(torch.optim.Adam, lr=1e-4, betas=(0.9, 0.99), fused=True)
    usual: dict[str, Any] = {
        "ema_decay": 0.9,
        "ema_warmup": False,
        "grad_clip": None,
        "accumulate": 1,
        "channels_last": True,
        "compile": False,
        "shared_fake_forward": True,
        "deterministic": False,
    }
    return TrainingStep(
        generator=SRVGGNetCompact(num_feat=16, num_conv=4, upscale=4),
        discriminators={"discriminator": UNetDiscriminatorSN(num_feat=16)},
        objective=Objective(
            terms=terms, adversarial=[AdversarialTerm(function=VanillaLoss(), weight=0.1)], start_step=start_step
        ),
        make_optimizers=dict.fromkeys(("pixel", "generator", "discriminator"), adam),
        schedule=Constant(warmup_steps=0),
        precision=Precision(precision, torch.device(device).type, "as requested"),
        options=Options(**usual | options),
        seed=0,
    )


def make_module(device: torch.device | str, **options: Any) -> ESRGANModule:
    """The step behind Lightning's hooks."""
    return ESRGANModule(make_step(device, **options), upscale=4, metadata={})


def on_device(step: TrainingStep, device: torch.device) -> TrainingStep:
    """For a bare loop: everything on the device, with optimizers."""
    for part in (*step.networks, step.ema, step.objective):
        part.to(device)
    step.make_optimizers()
    return step
