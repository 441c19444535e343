"""Options that were given but change nothing in this combination."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf


class Idle(NamedTuple):
    """Options (and all below them), when they change nothing, and why."""

    options: tuple[str, ...]
    when: Callable[[DictConfig], bool]
    why: str


def _is(option: str, value: Any) -> Callable[[DictConfig], bool]:
    return lambda cfg: bool(OmegaConf.select(cfg, option) == value)


_without_perceptual = _is("loss.perceptual.weight", 0)
_without_adversarial = _is("loss.adversarial.weight", 0)


def _without_gan_stage(cfg: DictConfig) -> bool:
    return _without_perceptual(cfg) and _without_adversarial(cfg)


def _gan_stage_not_reached(cfg: DictConfig) -> bool:
    return not _without_gan_stage(cfg) and cfg.loss.adversarial.start_step >= cfg.trainer.max_steps


def _starts_with_gan_stage(cfg: DictConfig) -> bool:
    return not _without_gan_stage(cfg) and cfg.loss.adversarial.start_step == 0


_DISCRIMINATOR = (
    "discriminator",
    "optimizer.discriminator",
    "training.shared_fake_forward",
    "init_discriminator_from",
    "loss.adversarial.discriminator_warmup",
)

IDLE = (
    Idle(
        ("loss.perceptual.features", "loss.perceptual.function"),
        _without_perceptual,
        "loss.perceptual.weight=0 leaves that loss out",
    ),
    Idle(
        ("loss.perceptual.function.seed",),
        lambda cfg: OmegaConf.select(cfg, "loss.perceptual.features") != "random",
        "only loss.perceptual.features=random draws weights",
    ),
    Idle(
        ("loss.adversarial.function", *_DISCRIMINATOR),
        _without_adversarial,
        "loss.adversarial.weight=0 leaves the discriminator out",
    ),
    Idle(
        ("loss.adversarial.start_step", "optimizer.lr", "optimizer.generator.lr"),
        _without_gan_stage,
        "without a perceptual and an adversarial loss there is no GAN stage",
    ),
    Idle(
        (
            "optimizer.lr",
            "optimizer.generator.lr",
            *_DISCRIMINATOR,
            "loss.perceptual.features",
            "loss.perceptual.function",
            "loss.adversarial.function",
        ),
        _gan_stage_not_reached,
        "trainer.max_steps ends the run before the GAN stage (loss.adversarial.start_step)",
    ),
    Idle(
        ("optimizer.pixel_lr",),
        _starts_with_gan_stage,
        "loss.adversarial.start_step=0 leaves the pixel stage out",
    ),
    Idle(
        ("training.init",),
        lambda cfg: cfg.init_from is not None,
        "init_from brings the first weights",
    ),
    Idle(
        ("init_from", "init_discriminator_from", "training.init"),
        lambda cfg: cfg.ckpt_path not in (None, "auto"),
        "ckpt_path resumes with the weights of its own run",
    ),
    Idle(
        ("training.ema_warmup",),
        _is("training.ema_decay", 0),
        "training.ema_decay=0 keeps no average",
    ),
    Idle(
        ("data.val_fraction", "data.max_val_photos"),
        lambda cfg: OmegaConf.select(cfg, "data.val_dir") is not None,
        "data.val_dir holds the photos to validate on",
    ),
    Idle(
        ("scheduler.milestones", "scheduler.gamma"),
        lambda cfg: min(OmegaConf.select(cfg, "scheduler.milestones") or [0]) >= _longest_stage(cfg),
        "no milestone is reached: milestones count the iterations of a stage",
    ),
    *(
        Idle(
            tuple(f"degradation.{stage}.{name}" for name in names),
            _is(f"degradation.{stage}.{switch}", 0),
            f"degradation.{stage}.{switch}=0",
        )
        for stage in ("first", "second")
        for switch, names in {
            "blur_prob": ("kernel",),
            "noise_prob": ("gaussian_prob", "gaussian_sigma_levels", "poisson_scale", "gray_prob"),
            "jpeg_prob": ("jpeg_quality", "jpeg_nearest_chroma_prob"),
        }.items()
    ),
)


def _longest_stage(cfg: DictConfig) -> int:
    last = int(cfg.trainer.max_steps)
    if _without_gan_stage(cfg):
        return last
    switch = min(int(cfg.loss.adversarial.start_step), last)
    return max(switch, last - switch)


def options_without_effect(cfg: DictConfig, given: Iterable[str]) -> Iterator[str]:
    """One line for each of the options ``given`` on the command line that changes nothing, and why."""
    for option in given:
        name, _, value = option.lstrip("+~").partition("=")
        name = name.replace("/", ".")
        for idle in IDLE:
            if any(name == each or name.startswith(f"{each}.") for each in idle.options) and idle.when(cfg):
                yield f"{name}={value} has no effect: {idle.why}"
                break
