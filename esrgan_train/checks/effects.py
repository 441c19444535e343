"""Options that change nothing, or do harm, in this combination."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from esrgan_train.checks.terms import counts_in_gan_stage_alone, has_gan_stage, image_losses


def _is(option: str, value: Any) -> Callable[[DictConfig], bool]:
    return lambda cfg: bool(OmegaConf.select(cfg, option) == value)


_without_perceptual = _is("loss.perceptual.weight", 0)
_without_adversarial = _is("loss.adversarial.weight", 0)


def _without_gan_stage(cfg: DictConfig) -> bool:
    return not has_gan_stage(cfg)


def _gan_stage_not_reached(cfg: DictConfig) -> bool:
    return not _without_gan_stage(cfg) and cfg.loss.adversarial.start_step >= cfg.trainer.max_steps


def _starts_with_gan_stage(cfg: DictConfig) -> bool:
    return not _without_gan_stage(cfg) and cfg.loss.adversarial.start_step == 0


_DISCRIMINATOR = (
    "discriminator optimizer.discriminator training.shared_fake_forward init_discriminator_from "
    "loss.adversarial.discriminator_warmup"
)
_PERCEPTUAL = "loss.perceptual.features loss.perceptual.function"
_GAN_RATES = "optimizer.lr optimizer.generator.lr"

# Options (and all below them), when they change nothing, and why.
IDLE: list[tuple[str, Callable[[DictConfig], bool], str]] = [
    (_PERCEPTUAL, _without_perceptual, "loss.perceptual.weight=0 leaves that loss out"),
    (
        "loss.perceptual.function.seed",
        lambda cfg: OmegaConf.select(cfg, "loss.perceptual.features") != "random",
        "only loss.perceptual.features=random draws weights",
    ),
    (
        f"loss.adversarial.function {_DISCRIMINATOR}",
        _without_adversarial,
        "loss.adversarial.weight=0 leaves the discriminator out",
    ),
    (
        f"loss.adversarial.start_step {_GAN_RATES}",
        _without_gan_stage,
        "no loss waits for the GAN stage, so there is none",
    ),
    (
        f"loss.adversarial.function {_GAN_RATES} {_DISCRIMINATOR} {_PERCEPTUAL}",
        _gan_stage_not_reached,
        "trainer.max_steps ends the run before the GAN stage (loss.adversarial.start_step)",
    ),
    ("optimizer.pixel_lr", _starts_with_gan_stage, "loss.adversarial.start_step=0 leaves the pixel stage out"),
    ("training.init", lambda cfg: cfg.init_from is not None, "init_from brings the first weights"),
    (
        "init_from init_discriminator_from training.init",
        lambda cfg: cfg.ckpt_path not in (None, "auto"),
        "ckpt_path resumes with the weights of its own run",
    ),
    ("training.ema_warmup", _is("training.ema_decay", 0), "training.ema_decay=0 keeps no average"),
    (
        "data.val_fraction data.max_val_photos",
        lambda cfg: OmegaConf.select(cfg, "data.val_dir") is not None,
        "data.val_dir holds the photos to validate on",
    ),
    (
        "scheduler.milestones scheduler.gamma",
        lambda cfg: min(OmegaConf.select(cfg, "scheduler.milestones") or [0]) >= _longest_stage(cfg),
        "no milestone is reached: milestones count the iterations of a stage",
    ),
    *(
        (
            " ".join(f"degradation.{stage}.{name}" for name in names.split()),
            _is(f"degradation.{stage}.{switch}", 0),
            f"degradation.{stage}.{switch}=0",
        )
        for stage in ("first", "second")
        for switch, names in (
            ("blur_prob", "kernel"),
            ("noise_prob", "gaussian_prob gaussian_sigma_levels poisson_scale gray_prob"),
            ("jpeg_prob", "jpeg_quality jpeg_nearest_chroma_prob"),
        )
    ),
]


def _longest_stage(cfg: DictConfig) -> int:
    last = int(cfg.trainer.max_steps)
    if _without_gan_stage(cfg):
        return last
    switch = min(int(cfg.loss.adversarial.start_step), last)
    return max(switch, last - switch)


def _idle_losses(cfg: DictConfig) -> Iterator[tuple[str, Callable[[DictConfig], bool], str]]:
    """The options of losses under names of their own, in the form of ``IDLE``."""
    for name, node in image_losses(cfg):
        option = f"loss.{name}"
        if name not in ("pixel", "perceptual"):
            below = " ".join(f"{option}.{key}" for key in map(str, node) if key != "weight")
            yield below, _is(f"{option}.weight", 0), f"{option}.weight=0 leaves that loss out"
            if counts_in_gan_stage_alone(node):
                why = "trainer.max_steps ends the run before the GAN stage (loss.adversarial.start_step)"
                yield option, _gan_stage_not_reached, why


def losses_left_out(cfg: DictConfig) -> Iterator[str]:
    """One line for each loss under a name of its own that has no weight."""
    for name, node in image_losses(cfg):
        if name not in ("pixel", "perceptual") and not node.weight:
            yield f"loss.{name} counts nothing: its weight is 0; give loss.{name}.weight, or leave it out"


def options_without_effect(cfg: DictConfig, given: Iterable[str]) -> Iterator[str]:
    """One line for each of the options ``given`` on the command line that changes nothing, and why."""
    for override in given:
        name, _, value = override.lstrip("+~").partition("=")
        name = name.replace("/", ".")
        for options, when, why in (*IDLE, *_idle_losses(cfg)):
            if any(f"{name}.".startswith(f"{each}.") for each in options.split()) and when(cfg):
                yield f"{name}={value} has no effect: {why}"
                break


def random_features_on_trained_weights(cfg: DictConfig) -> Iterator[str]:
    """One line if ``init_from`` brings trained weights and the perceptual loss has random features.

    Such features are for a first look: they spoil weights that are already trained.
    """
    perceptual = cfg.loss.perceptual
    counts = perceptual.weight and cfg.loss.adversarial.start_step < cfg.trainer.max_steps
    if cfg.init_from is not None and cfg.ckpt_path is None and counts and perceptual.features == "random":
        yield (
            f"loss.perceptual.features=random spoils the trained weights of init_from={cfg.init_from}: "
            "give loss.perceptual.weight=0, or loss.perceptual.features=imagenet"
        )
