"""Finding, composing and resolving the configuration."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from esrgan_train.archs.choices import store_choices
from esrgan_train.archs.discovery import discover
from esrgan_train.archs.srvgg_arch import ACTIVATIONS
from esrgan_train.checks.channels import bind_channels
from esrgan_train.checks.overrides import explain
from esrgan_train.checks.paths import for_hydra
from esrgan_train.checks.run import bind_upscale, check_config
from esrgan_train.checks.starting import bind_starter
from esrgan_train.checks.teaching import bind_teacher
from esrgan_train.commands import program
from esrgan_train.errors import UserError
from esrgan_train.images.colour import channels_of
from esrgan_train.launchers import launched

_OF_HYDRA = re.compile(r"\$\{hydra:([^{}]+)\}")


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


def register() -> None:
    """Make the discovered networks and the configuration's resolvers known to Hydra; repeatable."""
    OmegaConf.register_new_resolver("gt_size", largest_gt_size, replace=True)
    OmegaConf.register_new_resolver("channels", channels_of, replace=True)
    OmegaConf.register_new_resolver("program", lambda: program("esrgan_train"), replace=True)
    OmegaConf.register_new_resolver("launched", launched, replace=True)
    OmegaConf.register_new_resolver("tenth", tenth, replace=True)
    OmegaConf.register_new_resolver("model_name", model_name, replace=True)
    store_choices(config_dir())


def model_name(experiment: str, generator: str, upscale: int, act_type: str | None) -> str:
    """The experiment's name, with the scale and network as trained where it names another.

    ``x4_prelu`` at ×3 is ``x3_prelu``, with ``act_type=relu`` it is ``x4_relu``, and with another generator
    ``x4_ultracompact``. A name without a scale (``finetune``) stays as it is.
    """
    name = experiment.rpartition("/")[2]
    found = re.fullmatch(r"x\d+_(.+)", name)
    if found is None:
        return name
    network = found[1]
    from_yaml = config_dir() / "generator" / f"{network}.yaml"
    if network in ACTIVATIONS or network in discover()["generator"] or from_yaml.is_file():
        network = act_type if generator == "srvgg" and act_type is not None else generator
    return f"x{upscale}_{network}"


def tenth(number: int) -> int:
    """A tenth of a whole number, but not less than 1: for ``debug=limit``."""
    return max(1, number // 10)


def compose_config(overrides: Sequence[str]) -> DictConfig:
    """The configuration that ``python -m esrgan_train <overrides>`` would run; it stands alone.

    Raises:
        UserError: no such option or choice, or a value of a wrong type.
    """
    return compose_with_hydra(overrides)[0]


def compose_with_hydra(overrides: Sequence[str]) -> tuple[DictConfig, DictConfig]:
    """``compose_config``, and Hydra's own node beside it: choices, sweeper, launcher."""
    register()
    overrides = [for_hydra(override, sweep=False) for override in overrides]
    try:
        whole = _compose(overrides)
    except (HydraException, ValueError) as error:
        raise explained(error, overrides) from error
    cfg = deepcopy(whole)
    with open_dict(cfg):
        del cfg.hydra
    detach_from_hydra(cfg, whole.hydra)
    return cfg, whole.hydra


def explained(error: BaseException, overrides: Sequence[str]) -> UserError:
    """What Hydra refuses, in one line with the nearest right option; a ``UserError`` as it is."""
    if isinstance(error, UserError):
        return error
    return UserError(explain(error, overrides, _compose, [config_dir()]))


def _compose(overrides: list[str]) -> DictConfig:
    found_by_job = GlobalHydra.instance().is_initialized()  # in a job, whose folders may hold choices of one's own
    with nullcontext() if found_by_job else initialize_config_dir(str(config_dir()), version_base="1.3"):
        return compose("train", overrides=overrides, return_hydra_config=True)


def detach_from_hydra(cfg: DictConfig, hydra: DictConfig) -> None:
    """Put values in place of the references ``${hydra:…}``, which mean this job only while Hydra runs it.

    The model's name is set by the experiment's and the generator's; it keeps following scale and activation.
    """
    _replace_references(cfg, hydra)
    if cfg.model_name is None:
        changing = "${upscale},${oc.select:generator.act_type,null}"
        cfg.model_name = f"${{model_name:${{experiment}},{hydra.runtime.choices.generator},{changing}}}"


def _replace_references(node: Any, hydra: DictConfig) -> None:
    def value(match: re.Match[str]) -> Any:
        return OmegaConf.select(hydra, match[1], throw_on_missing=True)

    for key in list(node) if isinstance(node, DictConfig) else range(len(node)):
        raw = node._get_node(key)._value()
        if isinstance(raw, (dict, list)):
            _replace_references(node._get_node(key), hydra)
        elif isinstance(raw, str) and _OF_HYDRA.search(raw):
            with suppress(OmegaConfBaseException):  # a job's number outside a sweep: it fails where it is read
                whole = _OF_HYDRA.fullmatch(raw)
                node[key] = value(whole) if whole else _OF_HYDRA.sub(lambda match: str(value(match)), raw)


def with_upscale(cfg: DictConfig) -> DictConfig:
    """A copy, whose parts have the run's ``upscale``, ``colour`` and ``teacher``; ``init_from`` is a file."""
    cfg = deepcopy(cfg)
    OmegaConf.set_readonly(cfg, False)
    bind_upscale(cfg)
    bind_channels(cfg)
    bind_teacher(cfg, config_dir())
    bind_starter(cfg)
    return cfg


def check(cfg: DictConfig) -> None:
    """Find mistakes in the composed options before anything is built or written; ``cfg`` stays as it is.

    Raises:
        UserError: the first one, with a remedy.
    """
    check_config(with_upscale(cfg))
