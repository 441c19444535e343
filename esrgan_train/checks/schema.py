"""The shape of a configuration: one annotated dataclass per group, for what no class of a ``_target_`` says.

Fields stand in the order in which they are checked: what others are computed from comes first.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MinLen, Predicate

from esrgan_train.bounds import Count, Fraction, NonNegative, Positive, Seed, Wanted
from esrgan_train.checks.devices import device_count
from esrgan_train.data.options import StreamOptions
from esrgan_train.file_names import refused_by_windows
from esrgan_train.images.colour import Colour
from esrgan_train.training.options import Init, Options
from esrgan_train.training.precision import PrecisionName
from esrgan_train.training.stages import Iterations, StageName, Weight


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_file_name(value: Any) -> bool:
    if re.fullmatch(r"[^/\\]+", str(value)) is None:
        return False
    return sys.platform != "win32" or refused_by_windows(str(value)) is None


def _is_duration(value: Any) -> bool:
    return re.fullmatch(r"\d+:\d\d:\d\d:\d\d", str(value)) is not None


Words = Annotated[str, Predicate(_is_text), Wanted("text")]
Folder = Annotated[str, Predicate(_is_text), Wanted("a folder")]
Checkpoint = Annotated[str, Predicate(_is_text), Wanted("a checkpoint, last or auto")]
Weights = Annotated[str, Predicate(_is_text), Wanted("a .pth, .safetensors or .ckpt file")]
Metric = Annotated[str, Predicate(_is_text), Wanted("a logged value such as val/psnr")]
FileName = Annotated[str, Predicate(_is_file_name), Wanted("a file name without folders, which this system takes")]
Duration = Annotated[str, Predicate(_is_duration), Wanted("days:hours:minutes:seconds, such as 00:08:00:00")]
Devices = Annotated[
    int | str | list[int],
    Predicate(lambda value: device_count(value) is not None),
    Wanted("a number of devices from 1 on, a list of their numbers, or auto for all of them"),
]
LearningRate = Annotated[float, Gt(0), Wanted("such as 1e-4")]
Share = Annotated[float, Gt(0), Le(1), Wanted("a share of them above 0 and up to 1.0")]


@dataclass(frozen=True, kw_only=True)
class Open:
    """A group that may hold other options too."""


@dataclass(frozen=True, kw_only=True)
class Part(Open):
    """A group with a ``_target_``: what its fields do not name, that class takes."""

    hands_all = False  # whether the class takes what the fields name too


@dataclass(frozen=True, kw_only=True)
class Parts(Open):
    """Parts under names of their own; null leaves one out."""

    others = Part | None  # not a field


@dataclass(frozen=True, kw_only=True)
class Recipe(Open):
    """Values that other groups refer to; a recipe of the user's may hold any."""

    gt_size: Annotated[int, Ge(8)]
    hours: Annotated[Positive | None, Wanted("for the recipe's own iterations")]


@dataclass(frozen=True, kw_only=True)
class Card:
    """What a person says of the model, see ``export.card.stated.Stated``."""

    author: list[Words]
    licence: Words | None
    tags: list[Words]
    description: Words | None
    dataset: list[Words]
    pretrained: list[Words]
    url: Words | None


@dataclass(frozen=True, kw_only=True)
class Data(StreamOptions, Part):
    """The photos: what makes batches of them, and what the source in ``_target_`` takes."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """A way to alter samples, see ``data.augment.choice.Augmentation``."""

    prob: Fraction
    function: Part


@dataclass(frozen=True, kw_only=True)
class Augmentations(Open):
    """Ways to alter samples under names of their own; null leaves one out."""

    others = Augmentation | None  # not a field


@dataclass(frozen=True, kw_only=True)
class Term:
    """A loss between images, see ``training.stages.Term``."""

    weight: Weight
    function: Part
    target: Literal["hr", "hr_target"]
    stages: Annotated[list[StageName], MinLen(1)]
    ramp: Iterations


@dataclass(frozen=True, kw_only=True)
class Perceptual(Term):
    """The perceptual term."""

    features: Annotated[str, Wanted("imagenet, random, or a file")]


@dataclass(frozen=True, kw_only=True)
class Adversarial:
    """The adversarial term."""

    weight: Weight
    function: Part
    start_step: Iterations
    discriminator_warmup: Iterations
    feature_matching: Weight
    r1_weight: Weight
    r1_interval: Count


@dataclass(frozen=True, kw_only=True)
class Loss(Open):
    """The terms of the loss; further names are losses between images too."""

    others = Term | None  # not a field

    pixel: Term
    perceptual: Perceptual
    adversarial: Adversarial


@dataclass(frozen=True, kw_only=True)
class PlayerOptimizer(Part):
    """The optimizer of one network."""

    hands_all = True

    lr: LearningRate
    weight_decay: NonNegative


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """The learning rates of both stages, and the optimizers."""

    pixel_lr: LearningRate
    lr: LearningRate
    generator: PlayerOptimizer
    discriminator: PlayerOptimizer


@dataclass(frozen=True, kw_only=True)
class Training(Options):
    """The training step, and what data and first weights take from its group."""

    usm: bool
    init: Init


@dataclass(frozen=True, kw_only=True)
class Trainer(Part):
    """Lightning's trainer, where its annotations say less than this training takes."""

    max_steps: Count
    max_time: Annotated[Duration | None, Wanted("for no limit")]
    val_check_interval: Count
    log_every_n_steps: Count
    num_sanity_val_steps: Annotated[int, Ge(-1)]
    limit_val_batches: Annotated[Count | Share | None, Wanted("for all of them")]
    devices: Devices
    num_nodes: Count
    precision: PrecisionName


# Arguments of Lightning's trainer that this training decides itself, and what to give instead.
DECIDED = {
    "accumulate_grad_batches": "give training.accumulate",
    "check_val_every_n_epoch": "give trainer.val_check_interval, in iterations",
    "callbacks": "add them below callbacks, such as +callbacks.mine._target_=my_file.MyCallback",
    "enable_checkpointing": "see callbacks.checkpoints",
    "enable_model_summary": "the start-up lines name the networks' sizes",
    "enable_progress_bar": "leave it out, or give ~callbacks.progress for no progress bar",
    "fast_dev_run": "give debug=batch",
    "gradient_clip_algorithm": "give training.grad_clip, which clips the norm",
    "gradient_clip_val": "give training.grad_clip",
    "logger": "choose the logger group, such as logger=wandb",
    "max_epochs": "iterations are counted here: give trainer.max_steps",
    "min_epochs": "iterations are counted here: give trainer.max_steps",
    "overfit_batches": "give debug=overfit",
    "reload_dataloaders_every_n_epochs": "the stream of samples has no epochs: leave it out",
    "use_distributed_sampler": "the stream of samples is split by itself: leave it out",
}


@dataclass(frozen=True, kw_only=True)
class Run:
    """The root of the configuration."""

    upscale: Annotated[int, Ge(1), Le(16)]
    colour: Colour
    seed: Seed
    experiment: str
    model_name: Annotated[FileName | None, Wanted("for one made of experiment, scale and network")]
    run_dir: Annotated[Folder | None, Wanted("for runs/<experiment>/<timestamp>")]
    ckpt_path: Annotated[Checkpoint | None, Wanted("for a new run")]
    init_from: Annotated[Weights | None, Wanted("for random weights")]
    init_discriminator_from: Annotated[Weights | None, Wanted("for random weights")]
    init_match: Literal["exact", "shared"]
    teacher: Annotated[Weights | None, Wanted("for none")]
    optimized_metric: Annotated[Metric | None, Wanted("for none")]
    card: Card
    recipe: Recipe
    training: Training
    degradation: Part | None
    data: Data
    target_noise: Part | None
    augmentation: Augmentations
    generator: Part
    discriminator: Part
    loss: Loss
    optimizer: Optimizer
    scheduler: Part
    trainer: Trainer
    callbacks: Parts
    logger: Parts
    hparams_search: Any
    search: Any  # of python -m esrgan_train.search, which takes it out
    debug: Any
