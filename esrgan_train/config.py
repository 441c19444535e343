"""Finding, composing and resolving the configuration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict

from esrgan_train.archs.choices import check_names, store_choices
from esrgan_train.archs.discovery import discover
from esrgan_train.checks import effects
from esrgan_train.checks.generator import bind_upscale
from esrgan_train.checks.overrides import explain
from esrgan_train.checks.paths import for_hydra, for_shell
from esrgan_train.checks.run import check_config
from esrgan_train.errors import UserError
from esrgan_train.model_name import model_name
from esrgan_train.moved import with_todays_paths


def config_dir() -> Path:
    """The folder of the YAML files: inside an installed package, or ``conf/`` of a checkout."""
    package = Path(__file__).parent
    installed = package / "conf"
    return installed if installed.is_dir() else package.parent / "conf"


def largest_gt_size(recipe_size: int, upscale: int) -> int:
    """The recipe's crop rounded down to what both networks take: a multiple of lcm(8, upscale).

    The discriminator halves its input three times, and a crop holds whole LR pixels.

    Raises:
        UserError: an upscale below 1, or so large that no crop up to the recipe's size fits.
    """
    if upscale < 1:
        raise UserError(f"upscale={upscale} must be a whole number of at least 1, such as 4")
    step = math.lcm(8, upscale)
    if recipe_size < step:
        raise UserError(
            f"recipe.gt_size={recipe_size} holds no multiple of {step} (lcm of 8 and upscale={upscale}): "
            f"give data.gt_size={step}"
        )
    return recipe_size // step * step


def existing_folder(path: str) -> str:
    """``path``, made if need be: a sweep's storage is opened before any job has made a folder."""
    Path(path).mkdir(parents=True, exist_ok=True)
    return path


# What may differ between the parts of a resumed run without changing what it learns.
_HARMLESS = (
    "run_dir",
    "ckpt_path",
    "init_from",
    "init_discriminator_from",
    "optimized_metric",
    "hparams_search",
    "callbacks",
    "logger",
    "hydra",
    "debug",
    "experiment",
    "model_name",
)
_HARMLESS_KEYS = (
    *("data.num_workers", "data.cache_mb", "data.max_bad_fraction"),
    *("data.batch_size", "data.accumulate", "training.accumulate"),  # the whole batch counts: see whole_batch
    *("trainer.max_steps", "trainer.max_time", "trainer.devices", "trainer.num_nodes", "trainer.strategy"),
    *(
        "trainer.accelerator",
        "trainer.val_check_interval",
        "trainer.log_every_n_steps",
        "trainer.limit_val_batches",
    ),
    *("trainer.num_sanity_val_steps", "trainer.benchmark"),
)


def settings_of(cfg: DictConfig) -> dict[str, Any]:
    """The settings that a run's result depends on, by dotted name, as plain values; kept in its checkpoints."""
    resolved = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(resolved, dict)
    kept = {str(group): value for group, value in resolved.items() if group not in _HARMLESS}
    flat = dict(_flatten(kept, ""))
    settings = {n: value for n, value in flat.items() if n not in _HARMLESS_KEYS and n[:7] != "recipe."}
    if cfg.scheduler.get("final_factor", 1.0) != 1.0:
        settings["trainer.max_steps"] = cfg.trainer.max_steps  # the learning rate falls towards it
    return settings


WHOLE_BATCH = "crops per iteration (data.batch_size × training.accumulate × processes)"


def whole_batch(cfg: DictConfig, processes: int) -> int:
    """The crops of one iteration in all processes; how they are divided does not matter to what is learnt."""
    return int(cfg.data.batch_size * cfg.training.accumulate * processes)


# Options under data.val_ that choose the photos (which are looked at themselves), or only add figures.
_CHOOSING = ("val_dir", "val_lr_dir", "val_fraction", "val_clean")


def validation_settings(cfg: DictConfig) -> dict[str, Any]:
    """What the figures of a validation depend on besides weights and photos, by name, as plain values."""
    resolved = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(resolved, dict)
    data = {
        f"data.{name}": value
        for name, value in resolved["data"].items()
        if name == "overfit_samples" or (name.startswith("val_") and name not in _CHOOSING)
    }
    whole = {name: resolved[name] for name in ("upscale", "seed", "degradation", "target_noise")}
    return whole | data | {"trainer.limit_val_batches": cfg.trainer.limit_val_batches}


def changed_settings(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Each setting that is not what it was, as ``name=now (was before)``."""
    before, now = with_todays_paths(before), with_todays_paths(now)
    return [
        f"{name}={now.get(name)} (was {before.get(name)})"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
        and not (name in _HARMLESS_KEYS and name not in now)  # of old versions
    ]


def _flatten(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flatten(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value


def register() -> None:
    """Make the discovered networks and the configuration's resolvers known to Hydra; repeatable."""
    OmegaConf.register_new_resolver("gt_size", largest_gt_size, replace=True)
    OmegaConf.register_new_resolver("folder", existing_folder, replace=True)
    OmegaConf.register_new_resolver("tenth", tenth, replace=True)
    OmegaConf.register_new_resolver("model_name", _name_of_model, replace=True)
    check_names(store_choices(), [config_dir()])


def _name_of_model(experiment: str, generator: str, upscale: int, act_type: str | None) -> str:
    generators = [*discover().generators, *(file.stem for file in (config_dir() / "generator").glob("*.yaml"))]
    return model_name(experiment, upscale=upscale, generator=generator, act_type=act_type, generators=generators)


def tenth(number: int) -> int:
    """A tenth of a whole number, but not less than 1: for ``debug=limit``."""
    return max(1, number // 10)


def compose_config(overrides: Sequence[str]) -> DictConfig:
    """The configuration that ``python -m esrgan_train <overrides>`` would run, for tests and notebooks.

    Raises:
        UserError: no such option or choice, or a value of a wrong type.
    """
    register()
    overrides = [for_hydra(override, sweep=False) for override in overrides]
    try:
        cfg = _compose(overrides)
    except (HydraException, ValueError) as error:
        raise explained(error, overrides) from error
    HydraConfig.instance().set_config(cfg)
    name_experiment(cfg)
    with open_dict(cfg):
        del cfg.hydra
    return cfg


def explained(error: BaseException, overrides: Sequence[str]) -> UserError:
    """What Hydra refuses, in one line with the nearest right option; a ``UserError`` as it is."""
    if isinstance(error, UserError):
        return error
    return UserError(explain(error, overrides, _compose, [config_dir()]))


def _compose(overrides: list[str]) -> DictConfig:
    with initialize_config_dir(str(config_dir()), version_base="1.3"):
        return compose("train", overrides=overrides, return_hydra_config=True)


def check(cfg: DictConfig) -> None:
    """Find mistakes in the composed options before anything is built or written.

    Raises:
        UserError: the first one, with a remedy.
    """
    bind_upscale(cfg)
    check_config(cfg)


def options_without_effect(cfg: DictConfig) -> list[str]:
    """One line for each option of the command line that changes nothing in this run."""
    return list(effects.options_without_effect(cfg, [for_shell(o) for o in HydraConfig.get().overrides.task]))


def name_experiment(cfg: DictConfig) -> None:
    """Replace the references to Hydra's choices by names, so that ``cfg`` stands alone.

    A name that stands already is kept: Hydra may have composed another configuration since. The model's name
    keeps following scale and activation.
    """
    if not OmegaConf.is_interpolation(cfg, "experiment"):
        return
    choices = HydraConfig.get().runtime.choices
    cfg.experiment = choices["experiment"]
    if cfg.model_name is None:
        changing = "${upscale},${oc.select:generator.act_type,null}"
        cfg.model_name = f"${{model_name:${{experiment}},{choices['generator']},{changing}}}"
