"""``init_from=starter``: which of the models that ship a run starts from."""

from __future__ import annotations

from collections.abc import Iterator

from omegaconf import DictConfig, OmegaConf

from esrgan_train.archs.repsr_arch import RepSR
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.starters.catalogue import NETWORK, STARTERS, for_training, located

ANY = "starter"  # whichever fits
_CLASSES = [f"{network.__module__}.{network.__qualname__}" for network in (SRVGGNetCompact, RepSR)]


def bind_starter(cfg: DictConfig) -> None:
    """Put the file in place of ``init_from=starter``, or of the name of a starter model.

    Raises:
        UserError: none of them fits the scale and the generator.
    """
    given = OmegaConf.select(cfg, "init_from")
    if given == ANY:
        cfg.init_from = _fitting(cfg)
    elif given in {one.name for one in STARTERS}:
        cfg.init_from = str(located(given))


def _fitting(cfg: DictConfig) -> str:
    """The file that fits best: made for the same scale and network, and of these for such a degradation."""
    degradation = str(OmegaConf.select(cfg, "degradation._target_"))
    starter = for_training(cfg.upscale, clean=degradation.endswith(".BicubicDegradation"))
    differing = [*([] if starter else [f"upscale={cfg.upscale}"]), *_unlike_theirs(cfg)]
    if starter is None or differing:
        scales = " or ".join(dict.fromkeys(f"upscale={one.scale}" for one in STARTERS))
        raise UserError(
            f"init_from={ANY}: no model that ships fits {', '.join(differing)}: they are of "
            f"generator=superultracompact and colour=rgb with {scales}; give these, or init_from=FILE"
        )
    return str(starter.file)


def _unlike_theirs(cfg: DictConfig) -> Iterator[str]:
    """What the run's network has otherwise."""
    if cfg.generator._target_ not in _CLASSES:
        yield f"generator._target_={cfg.generator._target_}"
        return
    if cfg.colour != "rgb":
        yield f"colour={cfg.colour}"
    for name, value in NETWORK.items():
        if (given := cfg.generator.get(name, value)) != value:
            yield f"generator.{name}={given}"
