"""What makes two runs the same run: their configuration, except for what one table names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Flag, auto
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omegaconf import DictConfig

from esrgan_train.data.datamodule import ORDER, RENDERER
from esrgan_train.data.site import BY_WORKERS
from esrgan_train.errors import given_as
from esrgan_train.modelfiles.digest import digest_of
from esrgan_train.remote.url import masked_in

CROPS = "crops per iteration (data.batch_size × training.accumulate × processes)"

TEACHER = "teacher's weights"  # name of their digest

STEPS = "degradation.steps in order"


class Use(Flag):
    """What an option's value is compared for."""

    RESUME = auto()  # kept in checkpoints; a resumed run reports a change
    HASH = auto()  # config_hash: runs that are configured alike share it, wherever they run
    VALIDATION = auto()  # figures of validations are comparable only while it stays


ALL, NOTHING, LEARNING = Use.RESUME | Use.HASH | Use.VALIDATION, Use(0), Use.RESUME | Use.HASH

# The only list of exceptions: an option that is not here is compared for everything. Of the names that fit, the
# longest decides, for the option and all below it; a star stands for any end.
EXCEPTIONS: tuple[tuple[str, Use, str], ...] = (
    (
        "run_dir ckpt_path init_from init_discriminator_from init_match",
        NOTHING,
        "where a run is stored, and where it starts",
    ),
    ("teacher", NOTHING, "its weights are compared themselves"),
    ("experiment model_name card", NOTHING, "names"),
    ("recipe debug hparams_search hydra", NOTHING, "their values stand in the options that they set"),
    ("callbacks logger optimized_metric", NOTHING, "show and keep results"),
    ("generator discriminator loss optimizer scheduler training", LEARNING, "validation measures any weights"),
    ("training.accumulate data.batch_size data.accumulate", NOTHING, "only the effective batch counts: CROPS"),
    ("degradation.device", NOTHING, "the renderer itself is compared, with the photos"),
    ("augmentation", LEARNING, "held-out photos are not altered"),
    ("data", LEARNING, "held-out photos are compared themselves"),
    ("data._target_ data.split", NOTHING, "so are all photos"),
    ("data.train_dir data.train_lr_dir data.val_dir data.val_lr_dir", Use.RESUME, "folders may be moved"),
    ("data.pairs_dir data.pairs_lr_dir data.pairs_val_dir data.pairs_val_lr_dir", Use.RESUME, "so may these"),
    ("data.val_* data.overfit_samples", ALL, "how held-out photos are measured"),
    ("data.val_fraction data.val_clean", LEARNING, "chooses photos, which are compared; adds figures of its own"),
    ("data.upscale data.seed data.usm data.colour", NOTHING, "repeat other options"),
    ("data.num_workers data.cache_mb data.remote_*", NOTHING, "how the work is divided"),
    ("data.order", Use.HASH, "the order itself is compared, with the photos"),
    ("data.max_bad_fraction trainer.max_time", NOTHING, "when a run stops"),
    ("trainer", LEARNING, "validation measures any weights"),
    ("trainer.accelerator trainer.devices trainer.num_nodes", NOTHING, "how the work is divided"),
    ("trainer.strategy", NOTHING, "how the work is divided"),
    ("trainer.benchmark training.deterministic", NOTHING, "the same sums in another order"),
    ("trainer.max_steps", Use.HASH, "a run may be made longer, unless its learning rate falls towards the end"),
    ("trainer.val_check_interval trainer.log_every_n_steps", NOTHING, "when results are shown"),
    ("trainer.num_sanity_val_steps", NOTHING, "when results are shown"),
    ("trainer.limit_val_batches", Use.VALIDATION, "measures fewer photos"),
)
# The same photos may lie in another folder, or in the set that they were packed into.
_FOLDERS = ("data.train_dir", "data.val_dir", "data.pairs_dir", "data.pairs_val_dir")
_PHOTOS = ("photos", "photo names", "photo sizes")  # of DataModule.fingerprint

_USES = {option: use for options, use, _ in EXCEPTIONS for option in options.split()}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a checkpoint keeps of its run, as plain values, by name.

    Attributes:
        settings: what the result depends on.
        measured: what the figures of a validation depend on, besides the weights.
        photos: the fingerprint of the data, also among ``settings``.
    """

    settings: dict[str, Any]
    measured: dict[str, Any]
    photos: dict[str, int | str]


def identity_of(cfg: DictConfig, *, processes: int, photos: dict[str, int | str], held_out: str) -> Identity:
    """The identity of a run on ``processes`` processes, with the digests of its data and its held-out photos."""
    settings = settings_of(cfg) | photos | {CROPS: crops_per_iteration(cfg, processes)} | teacher_of(cfg)
    measured = _options(cfg, Use.VALIDATION) | {"held-out photos": held_out}
    return Identity(settings=settings, measured=measured, photos=photos)


def settings_of(cfg: DictConfig) -> dict[str, Any]:
    """The options that a run's result depends on, by dotted name, as plain values."""
    settings = _options(cfg, Use.RESUME)
    if cfg.scheduler.get("final_factor", 1.0) != 1.0:
        settings["trainer.max_steps"] = cfg.trainer.max_steps
    return settings


def teacher_of(cfg: DictConfig) -> dict[str, str]:
    """The digest of the teacher's file, wherever it lies; nothing without one."""
    if (file := cfg.get("teacher")) is None:
        return {}
    with given_as("teacher="):
        return {TEACHER: digest_of(file)}


def config_hash(cfg: DictConfig) -> str:
    """Sixteen hexadecimal digits that two runs share if they are configured alike, wherever they run."""
    options = _options(cfg, Use.HASH) | {CROPS: crops_per_iteration(cfg, 1)} | teacher_of(cfg)
    return sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:16]


def crops_per_iteration(cfg: DictConfig, processes: int) -> int:
    """The effective batch."""
    return int(cfg.data.batch_size * cfg.training.accumulate * processes)


# Options that earlier versions did not have, and what they did.
_SINCE = {
    RENDERER: BY_WORKERS.name,
    ORDER: "photos",
    "colour": "rgb",
    "data.rotate": False,
    "data.val_draws": 1,
    "degradation.clean_prob": 0.0,
    **{f"loss.{name}.target": "hr_target" for name in ("pixel", "perceptual")},
    **{f"loss.{name}.ramp": 0 for name in ("pixel", "perceptual")},
    "loss.pixel.stages": ["pixel", "gan"],
    "loss.perceptual.stages": ["gan"],
    "loss.adversarial.feature_matching": 0.0,
    "loss.adversarial.r1_weight": 0.0,
    "loss.adversarial.r1_interval": 16,
}


def differing(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Names of the options whose values are not the same.

    Checkpoints of earlier versions raise no false alarm: what they kept in spite of ``EXCEPTIONS`` is left out, so
    is the effective batch where they lack it, options that they did not have are taken for what they did, and a
    class of this package may have moved to another file. Nor does another folder with the same photos.
    """
    before, now = dict(flat(before)), dict(flat(now))
    before.setdefault(CROPS, now.get(CROPS))
    for name, value in _SINCE.items():
        if name in now:
            before.setdefault(name, value)
    same_photos = all(name in now and before.get(name) == now[name] for name in _PHOTOS)
    return [
        name
        for name in sorted({*before, *now})
        if _comparable(name, before.get(name)) != _comparable(name, now.get(name))
        and (name in now or Use.RESUME in use_of(name))
        and not (same_photos and name in _FOLDERS)
    ]


def changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """``differing`` for people: another class stands for all of its options."""
    names = differing(before, now)
    nodes = [name.removesuffix("_target_") for name in names if name.endswith("._target_")]
    return [name for name in names if not any(name.startswith(n) and name != f"{n}_target_" for n in nodes)]


def changed_settings(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Each setting that is not what it was, as ``name=now (was before)``."""
    return [f"{name}={now.get(name)} (was {before.get(name, _SINCE.get(name))})" for name in changes(before, now)]


def use_of(name: str) -> Use:
    """What the option ``name`` is compared for."""
    return _USES[max(fitting, key=len)] if (fitting := [rule for rule in _USES if _fits(name, rule)]) else ALL


def _fits(name: str, rule: str) -> bool:
    return name.startswith(rule[:-1]) if rule.endswith("*") else f"{name}.".startswith(f"{rule}.")


def _options(cfg: DictConfig, use: Use) -> dict[str, Any]:
    from omegaconf import OmegaConf

    values = OmegaConf.to_container(cfg, resolve=True)
    return {name: masked_in(value) for name, value in flat(values) if use in use_of(name)} | _order_of_steps(cfg)


def _order_of_steps(cfg: DictConfig) -> dict[str, str]:
    """The names of the steps of a degradation, in their order; nothing where it has none."""
    from omegaconf import OmegaConf

    steps = OmegaConf.select(cfg, "degradation.steps")
    return {} if steps is None else {STEPS: ",".join(str(name) for name in steps if steps[name] is not None)}


def flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of nested dictionaries, by dotted name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def _comparable(name: str, value: Any) -> Any:
    if name.endswith("_target_") and str(value).startswith("esrgan_train."):
        return value.rpartition(".")[2]
    return value
