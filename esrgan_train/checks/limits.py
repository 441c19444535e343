"""The bounds of the options that every run has."""

from __future__ import annotations

import re
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError

from esrgan_train.checks.values import (
    Rule,
    above,
    either,
    flag,
    number,
    or_null,
    text,
    whole,
    words,
)
from esrgan_train.errors import UserError

_MAX_SEED = 2**32 - 1  # NumPy's global generator takes no larger one
_DURATION = r"\d+:\d\d:\d\d:\d\d"

_AUTO = words("auto")
_LEARNING_RATE = above(0, such_as="1e-4")
_WEIGHT = number(0)

# In the order in which they are looked at: what others are computed from comes first.
LIMITS: dict[str, Rule] = {
    "upscale": whole(1, 16),
    "seed": whole(0, _MAX_SEED),
    "model_name": or_null(
        Rule(lambda value: re.fullmatch(r"[^/\\]+", str(value)) is not None, "a file name, no path"),
        "by experiment, scale and network",
    ),
    "run_dir": or_null(text("a folder"), "runs/<experiment>/<timestamp>"),
    "ckpt_path": or_null(text("a checkpoint, last or auto"), "a new run"),
    "init_from": or_null(text("a .pth, .safetensors or .ckpt file"), "random weights"),
    "init_discriminator_from": or_null(text("a .pth, .safetensors or .ckpt file"), "random weights"),
    "optimized_metric": or_null(text("a logged value such as val/psnr"), "none"),
    "recipe.gt_size": whole(8),
    "data.gt_size": whole(8),
    "data.batch_size": whole(1),
    "data.num_workers": either(_AUTO, whole(0)),
    "training.usm": flag(),
    "data.usm": flag(),
    "data.cache_mb": number(0),
    "data.max_bad_fraction": number(0, 1),
    "data.val_max_size": or_null(whole(64), "whole photos"),
    "loss.pixel.weight": _WEIGHT,
    "loss.perceptual.weight": _WEIGHT,
    "loss.adversarial.weight": _WEIGHT,
    "loss.adversarial.start_step": whole(0),
    "loss.adversarial.discriminator_warmup": whole(0),
    "optimizer.lr": _LEARNING_RATE,
    "optimizer.pixel_lr": _LEARNING_RATE,
    "optimizer.generator.lr": _LEARNING_RATE,
    "optimizer.discriminator.lr": _LEARNING_RATE,
    "optimizer.generator.weight_decay": _WEIGHT,
    "optimizer.discriminator.weight_decay": _WEIGHT,
    "training.ema_decay": Rule(
        lambda value: number(0, 1).holds(value) and value < 1, "a number from 0 to below 1, such as 0.999"
    ),
    "training.ema_warmup": flag(),
    "training.grad_clip": or_null(above(0, such_as="1.0"), "no clipping"),
    "training.accumulate": whole(1),
    "training.channels_last": flag(),
    "training.compile": flag(),
    "training.shared_fake_forward": flag(),
    "training.init": words("default", "bilinear", "weights"),
    "trainer.max_steps": whole(1),
    "trainer.max_time": or_null(
        Rule(
            lambda value: isinstance(value, str) and re.fullmatch(_DURATION, value) is not None,
            "days:hours:minutes:seconds, such as 00:08:00:00",
        ),
        "no limit",
    ),
    "trainer.val_check_interval": whole(1),
    "trainer.log_every_n_steps": whole(1),
    "trainer.num_sanity_val_steps": whole(-1),
    "trainer.limit_val_batches": or_null(
        Rule(
            lambda value: whole(1).holds(value) or (isinstance(value, float) and 0 < value <= 1),
            "a whole number of photos from 1 on, or a share above 0 and up to 1.0",
        ),
        "all of them",
    ),
    "trainer.num_nodes": whole(1),
    "trainer.precision": words("auto", "32", "bf16"),
    "callbacks.checkpoints.every_n_steps": or_null(whole(1), "none is kept"),
    "callbacks.previews.max_photos": whole(0),
    "callbacks.previews.crop": whole(1),
}

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


def check_limits(cfg: DictConfig) -> None:
    """``UserError`` for the first option that is out of bounds; options the configuration lacks are skipped."""
    for option, rule in LIMITS.items():
        missing = object()
        value = value_of(cfg, option, missing)
        if value is not missing:
            rule.check(option, value)
    for name, instead in DECIDED.items():
        if name in cfg.trainer:
            raise UserError(f"trainer.{name}={cfg.trainer[name]} has no effect in this training: {instead}")


def value_of(cfg: DictConfig, option: str, default: Any = None) -> Any:
    """The resolved value of a dotted option, lists as plain lists; ``default`` if there is no such option.

    Raises:
        UserError: of a resolver, as it was raised.
    """
    node: Any = cfg
    try:
        for name in option.split("."):
            if not isinstance(node, DictConfig) or name not in node:
                return default
            node = node[name]
    except InterpolationResolutionError as error:
        if isinstance(error.__cause__, UserError):
            raise error.__cause__ from None
        raise
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
