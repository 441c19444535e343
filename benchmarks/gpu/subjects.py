"""What is measured, put together in Python from the values of ``conf/``: Hydra may be missing here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
import yaml
from lightning import Callback, Trainer

from benchmarks.gpu.sizes import Sizes
from esrgan_train.archs.discriminator_arch import UNetDiscriminatorSN
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.callbacks.progress import Progress
from esrgan_train.data.composition import compose
from esrgan_train.data.datamodule import DataModule
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.site import BY_WORKERS, Site
from esrgan_train.data.sources import Sources
from esrgan_train.degradation import RealESRGANDegradation
from esrgan_train.loggers.metrics_csv import MetricsCSV
from esrgan_train.losses.adversarial import VanillaLoss
from esrgan_train.losses.perceptual import PerceptualLoss
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.objective import Objective
from esrgan_train.training.options import Options
from esrgan_train.training.precision import choose_precision
from esrgan_train.training.schedule import Constant
from esrgan_train.training.stages import AdversarialTerm, StageName, Term
from esrgan_train.training.step import TrainingStep

UPSCALE = 4
MAX_STEPS = 10**6  # never reached
PERCEPTUAL_SEED = 3
_CONF = Path(__file__).parents[2] / "conf"
_RECIPE = "${recipe."


@cache
def defaults(file: str) -> Mapping[str, Any]:
    """The values in a file of ``conf/``, with those of the published recipe where it names them."""
    values = yaml.safe_load((_CONF / f"{file}.yaml").read_text(encoding="utf-8"))
    found = {name: value for name, value in values.items() if name != "defaults"}
    for name, value in found.items():
        if isinstance(value, str) and value.startswith(_RECIPE):
            found[name] = defaults("recipe/published")[value.removeprefix(_RECIPE).removesuffix("}")]
    return found


def scales() -> tuple[float, ...]:
    """At which photos are used."""
    return tuple(defaults("data/folder")["scales"])


def training_options(**changes: Any) -> Options:
    """Those of the published recipe, but for ``changes``."""
    values = {name: value for name, value in defaults("training/default").items() if name not in ("usm", "init")}
    return Options(**values | changes)


def make_step(
    sizes: Sizes, device: torch.device, stage: StageName, *, precision: str = "auto", perceptual: bool = True
) -> TrainingStep:
    """The published recipe's step with random VGG19 features, all on the device, in one stage."""
    torch.manual_seed(0)
    terms = [Term(name="pixel", function=torch.nn.L1Loss(), weight=1.0)]
    if stage == "gan" and perceptual:
        features = PerceptualLoss(features="random", seed=PERCEPTUAL_SEED)
        terms.append(Term(name="perceptual", function=features, weight=1.0, stages=("gan",)))
    adam = partial(torch.optim.Adam, lr=1e-4, betas=(0.9, 0.99), fused=True)
    judge = UNetDiscriminatorSN(num_feat=sizes.discriminator_feat).to(device)
    return TrainingStep(
        generator=SRVGGNetCompact(num_feat=sizes.num_feat, num_conv=sizes.num_conv, upscale=UPSCALE).to(device),
        discriminators={"discriminator": judge} if stage == "gan" else {},
        objective=Objective(
            terms=terms,
            adversarial=[AdversarialTerm(function=VanillaLoss(), weight=0.1)],
            start_step=0 if stage == "gan" else MAX_STEPS,
        ).to(device),
        make_optimizers=dict.fromkeys(("pixel", "generator", "discriminator"), adam),
        schedule=Constant(warmup_steps=0),
        precision=choose_precision(precision, device.type),
        options=training_options(),
        seed=0,
    )


def make_module(sizes: Sizes, device: torch.device, stage: StageName) -> ESRGANModule:
    """The same behind Lightning's hooks."""
    return ESRGANModule(make_step(sizes, device, stage), upscale=UPSCALE, metadata={})


def make_data(sources: Sources, sizes: Sizes, site: Site = BY_WORKERS) -> DataModule:
    """Samples of the published recipe, rendered by the workers or on the device that trains."""
    options = StreamOptions(
        upscale=UPSCALE,
        seed=0,
        gt_size=sizes.gt_size,
        batch_size=sizes.batch_size,
        accumulate=1,
        num_workers="auto" if sizes.num_workers is None else sizes.num_workers,
        usm=True,
        cache_mb=64,
        max_bad_fraction=0.0,
        scales=scales(),
    )
    return compose(sources, options, degradation=RealESRGANDegradation(upscale=UPSCALE), site=site)


def make_trainer(run: Path, device: torch.device, *callbacks: Callback) -> Trainer:
    """As a run has it, with its log and progress bar, but without validation and checkpoints."""
    run.mkdir(parents=True, exist_ok=True)
    return Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=1,
        max_steps=MAX_STEPS,
        max_epochs=-1,
        benchmark=True,
        logger=[MetricsCSV(run_dir=str(run))],
        callbacks=[Progress(), *callbacks],
        log_every_n_steps=defaults("recipe/published")["log_every_n_steps"],
        limit_val_batches=0,
        num_sanity_val_steps=0,
        check_val_every_n_epoch=None,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
