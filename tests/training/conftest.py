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
from esrgan_train.training.stages import AdversarialTerm, Term
from esrgan_train.training.step import TrainingStep

Batch = dict[str, torch.Tensor]


@pytest.fixture
def make_objective() -> Callable[..., Objective]:
    def make(
        *,
        pixel: Any = None,
        perceptual: Any = None,
        adversarial: Any = None,
        pixel_weight: float = 1.0,
        perceptual_weight: float = 1.0,
        adversarial_weight: float = 0.1,
        start_step: int = 0,
        discriminator_warmup: int = 0,
    ) -> Objective:
        terms = [Term(name="pixel", function=pixel or torch.nn.L1Loss(), weight=pixel_weight)]
        if perceptual is not None:
            terms.append(Term(name="perceptual", function=perceptual, weight=perceptual_weight, stages=("gan",)))
        judged = AdversarialTerm(
            function=adversarial or VanillaLoss(),
            weight=adversarial_weight,
            discriminator_warmup=discriminator_warmup,
        )
        return Objective(terms=terms, adversarial=[judged], start_step=start_step)

    return make


@pytest.fixture
def make_step(make_objective: Callable[..., Objective]) -> Callable[..., TrainingStep]:
    def make(objective: Objective | None = None, **changes: Any) -> TrainingStep:
        torch.manual_seed(0)
        adam = partial(torch.optim.Adam, betas=(0.9, 0.99))
        parts: dict[str, Any] = {
            "generator": SRVGGNetCompact(num_feat=8, num_conv=2, upscale=4),
            "discriminators": {"discriminator": UNetDiscriminatorSN(num_feat=8)},
            "objective": objective or make_objective(),
            "make_optimizers": {
                "pixel": partial(adam, lr=2e-4),
                "generator": partial(adam, lr=1e-4),
                "discriminator": partial(adam, lr=1e-4),
            },
            "schedule": Constant(warmup_steps=0),
            "precision": Precision("32", "cpu", "as requested"),
            "options": Options(
                ema_decay=0.9,
                ema_warmup=False,
                grad_clip=None,
                accumulate=1,
                channels_last=False,
                compile=False,
                shared_fake_forward=True,
                deterministic=False,
            ),
            "seed": 0,
        }
        options = {name: changes.pop(name) for name in list(changes) if name in Options.__dataclass_fields__}
        if "discriminator" in changes:
            discriminator = changes.pop("discriminator")
            changes["discriminators"] = {} if discriminator is None else {"discriminator": discriminator}
        parts["options"] = replace(parts["options"], **options)
        return TrainingStep(**{**parts, **changes})

    return make


@pytest.fixture
def make_module(make_step: Callable[..., TrainingStep]) -> Callable[..., ESRGANModule]:
    def make(objective: Objective | None = None, **changes: Any) -> ESRGANModule:
        return ESRGANModule(make_step(objective, **changes), upscale=4, metadata={})

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
