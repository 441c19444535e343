"""Options that change nothing, or do harm, in this combination."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from esrgan_train.checks.terms import counts_in_gan_stage_alone, has_gan_stage, image_losses
from esrgan_train.checks.tree import locate
from esrgan_train.training.averaging import averages_itself


def _is(option: str, value: Any) -> Callable[[DictConfig], bool]:
    return lambda cfg: bool(OmegaConf.select(cfg, option) == value)


def _set(option: str) -> Callable[[DictConfig], bool]:
    return lambda cfg: OmegaConf.select(cfg, option) is not None


_without_perceptual = _is("loss.perceptual.weight", 0)
_without_adversarial = _is("loss.adversarial.weight", 0)


def _without_gan_stage(cfg: DictConfig) -> bool:
    return not has_gan_stage(cfg)


def _gan_stage_not_reached(cfg: DictConfig) -> bool:
    return not _without_gan_stage(cfg) and cfg.loss.adversarial.start_step >= cfg.trainer.max_steps


def _starts_with_gan_stage(cfg: DictConfig) -> bool:
    return not _without_gan_stage(cfg) and cfg.loss.adversarial.start_step == 0


def optimizer_averages(cfg: DictConfig) -> bool:
    """Whether the generator's optimizer has an average of its own, which takes the place of EMA."""
    return averages_itself(locate("optimizer.generator._target_", cfg.optimizer.generator._target_))


_DISCRIMINATOR = (
    "discriminator optimizer.discriminator training.shared_fake_forward init_discriminator_from "
    "loss.adversarial.discriminator_warmup loss.adversarial.feature_matching loss.adversarial.r1_weight "
    "loss.adversarial.r1_interval"
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
    ("loss.adversarial.r1_interval", _is("loss.adversarial.r1_weight", 0), "loss.adversarial.r1_weight=0"),
    ("optimizer.pixel_lr", _starts_with_gan_stage, "loss.adversarial.start_step=0 leaves the pixel stage out"),
    ("training.init", lambda cfg: cfg.init_from is not None, "init_from brings the first weights"),
    (
        "init_from init_discriminator_from init_match training.init",
        lambda cfg: cfg.ckpt_path not in (None, "auto"),
        "ckpt_path resumes with the weights of its own run",
    ),
    (
        "init_match",
        lambda cfg: cfg.init_from is None and cfg.init_discriminator_from is None,
        "neither init_from nor init_discriminator_from brings weights",
    ),
    ("training.ema_decay training.ema_warmup", optimizer_averages, "this optimizer averages the weights itself"),
    ("training.ema_warmup", _is("training.ema_decay", 0), "training.ema_decay=0 keeps no average"),
    (
        "data.val_fraction data.max_val_photos",
        _set("data.val_dir"),
        "data.val_dir holds the photos to validate on",
    ),
    (
        "data.val_fraction data.max_val_photos",
        _set("data.pairs_val_dir"),
        "data.pairs_val_dir holds the pairs to validate on",
    ),
    (
        "data.val_draws",
        lambda cfg: cfg.degradation is None or OmegaConf.select(cfg, "data.pairs_dir") is not None,
        "held-out pairs are as they are",
    ),
    ("data.val_draws", _set("data.overfit_samples"), "validation measures the training samples themselves"),
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


def _augmentations(cfg: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    named = ((str(name), node) for name, node in cfg.augmentation.items())
    return ((f"augmentation.{name}", node) for name, node in named if node is not None)


def _idle_augmentations(cfg: DictConfig) -> Iterator[tuple[str, Callable[[DictConfig], bool], str]]:
    """The options of augmentations, in the form of ``IDLE``."""
    for option, _ in _augmentations(cfg):
        yield f"{option}.function", _is(f"{option}.prob", 0), f"{option}.prob=0 alters no sample"


def augmentations_left_out(cfg: DictConfig) -> Iterator[str]:
    """One line for each augmentation that is drawn for no sample, or changes next to nothing."""
    clean = _class_of(cfg.degradation) == "BicubicDegradation"
    for option, node in _augmentations(cfg):
        if not node.prob:
            yield f"{option} alters no sample: its prob is 0; give {option}.prob, or leave it out"
        elif clean and _class_of(node.function) == "CutBlur":
            yield f"{option} has no effect: it undoes what degradation=bicubic does not do; leave it out"


def _steps(cfg: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    """The steps of a degradation that is a chain, by option."""
    steps = OmegaConf.select(cfg, "degradation.steps") or {}
    return ((f"degradation.steps.{name}", node) for name, node in steps.items() if node is not None)


def _idle_steps(cfg: DictConfig) -> Iterator[tuple[str, Callable[[DictConfig], bool], str]]:
    """The options of steps of a degradation, in the form of ``IDLE``."""
    for option, node in _steps(cfg):
        below = " ".join(f"{option}.{key}" for key in map(str, node) if key != "prob")
        yield below, _is(f"{option}.prob", 0), f"{option}.prob=0 leaves that step out"
        if _class_of(node) == "StoreJpeg":
            yield f"{option}.shift_prob", _is(f"{option}.times", [1, 1]), f"{option}.times stores one file alone"
            why = f"{option}.yuv420_odds=0, and no other chroma is repeated"
            yield f"{option}.nearest_chroma_prob", _is(f"{option}.yuv420_odds", 0), why


def steps_left_out(cfg: DictConfig) -> Iterator[str]:
    """One line for each step of a degradation that never happens."""
    for option, node in _steps(cfg):
        if node.get("prob", 1) == 0:
            yield f"{option} changes no sample: its prob is 0; give {option}.prob, or leave it out"


def _class_of(node: DictConfig | None) -> str:
    return "" if node is None else str(node._target_).rpartition(".")[2]


def options_without_effect(cfg: DictConfig, given: Iterable[str]) -> Iterator[str]:
    """One line for each of the options ``given`` on the command line that changes nothing, and why."""
    for override in given:
        name, _, value = override.lstrip("+~").partition("=")
        name = name.replace("/", ".")
        for options, when, why in (*IDLE, *_idle_losses(cfg), *_idle_augmentations(cfg), *_idle_steps(cfg)):
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
