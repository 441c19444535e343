"""Small modules, batches and trainers for the tests of the training step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch.utils.data import DataLoader

from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.losses.adversarial import VanillaLoss
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.objective import Objective
from esrgan_train.training.options import Options
from esrgan_train.training.precision import Precision
from esrgan_train.training.schedule import Constant

Batch = dict[str, torch.Tensor]


@pytest.fixture
def make_objective() -> Callable[..., Objective]:
    def make(**changes: Any) -> Objective:
        options = {
            "pixel": torch.nn.L1Loss(),
            "perceptual": None,
            "adversarial": VanillaLoss(),
            "pixel_weight": 1.0,
            "perceptual_weight": 0.0,
            "adversarial_weight": 0.1,
            "start_step": 0,
            "discriminator_warmup": 0,
        }
        return Objective(**{**options, **changes})

    return make


@pytest.fixture
def make_module(make_objective: Callable[..., Objective]) -> Callable[..., ESRGANModule]:
    def make(objective: Objective | None = None, **changes: Any) -> ESRGANModule:
        torch.manual_seed(0)
        adam = partial(torch.optim.Adam, betas=(0.9, 0.99))
        options: dict[str, Any] = {
            "generator": SRVGGNetCompact(num_feat=8, num_conv=2, upscale=4),
            "discriminator": UNetDiscriminatorSN(num_feat=8),
            "objective": objective or make_objective(),
            "make_optimizers": {
                "pixel": partial(adam, lr=2e-4),
                "generator": partial(adam, lr=1e-4),
                "discriminator": partial(adam, lr=1e-4),
            },
            "schedule": Constant(warmup_steps=0),
            "upscale": 4,
            "seed": 0,
            "options": Options(
                ema_decay=0.9,
                ema_warmup=False,
                grad_clip=None,
                accumulate=1,
                channels_last=False,
                compile=False,
                shared_fake_forward=True,
            ),
            "precision": Precision("32", "cpu", "as asked"),
            "metadata": {},
        }
        step_options = {k: changes.pop(k) for k in list(changes) if k in Options.__dataclass_fields__}
        options["options"] = replace(options["options"], **step_options)
        return ESRGANModule(**{**options, **changes})

    return make


@pytest.fixture
def batches() -> list[Batch]:
    generator = torch.Generator().manual_seed(1)
    made = []
    for _ in range(12):
        hr = torch.rand(2, 3, 32, 32, generator=generator)
        target = (hr + 0.1 * torch.randn(hr.shape, generator=generator)).clamp(0, 1)
        lr = torch.nn.functional.avg_pool2d(hr, 4)
        made.append({"lr": lr, "hr": hr, "hr_target": target})
    return made


Fit = Callable[..., Trainer]


@pytest.fixture
def fit() -> Fit:
    def fit(
        module: ESRGANModule, batches: list[Batch], steps: int, callbacks: Any = (), log_every: int = 1
    ) -> Trainer:
        """Train on the first ``steps`` of ``batches``."""
        trainer = Trainer(
            accelerator="cpu",
            devices=1,
            max_steps=steps,
            max_epochs=-1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            log_every_n_steps=log_every,
            callbacks=list(callbacks),
        )
        trainer.fit(module, DataLoader(batches, batch_size=None))
        return trainer

    return fit
