"""The weights that networks start from: of a file, or as ``training.init`` says."""

from __future__ import annotations

import logging

from omegaconf import DictConfig
from torch import nn

from esrgan_train.archs.discovery import Role
from esrgan_train.archs.initialisation import start_as_bilinear
from esrgan_train.archs.repsr_arch import RepSR
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.contracts.reading import check_start
from esrgan_train.errors import UserError, given_as
from esrgan_train.images.colour import channels_of
from esrgan_train.modelfiles.finite import check_weights
from esrgan_train.modelfiles.rebuild import load_into
from esrgan_train.modelfiles.sharing import share
from esrgan_train.modelfiles.weights import ModelFile, load_weights

log = logging.getLogger(__name__)


def start_generator(generator: nn.Module, cfg: DictConfig) -> None:
    """Give the generator the weights of ``init_from``, or those that ``training.init`` names.

    Raises:
        UserError: the file cannot be read or does not fit, or ``training.init=weights`` without one.
    """
    if cfg.init_from is not None:
        weights = load_from(generator, "init_from", cfg, role="generator")
        if cfg.init_match == "exact":  # shared has said what is not the same
            pictures = {"lr_side": cfg.data.gt_size // cfg.upscale, "channels": channels_of(cfg.colour)}
            if (warning := check_start(generator, weights, **pictures)) is not None:
                log.warning("%s", warning)
    elif cfg.training.init == "weights":
        raise UserError(
            f"experiment={cfg.experiment} (training.init=weights) continues from a trained model: give "
            "init_from=FILE, the .pth, .safetensors or .ckpt of that model"
        )
    elif cfg.training.init == "bilinear" and isinstance(generator, SRVGGNetCompact):
        start_as_bilinear(generator)
    elif cfg.training.init == "bilinear":
        name = type(generator).__name__
        log.info("training.init=bilinear is for compact networks; %s keeps the first weights of its class", name)


def load_from(network: nn.Module, option: str, cfg: DictConfig, *, role: Role) -> ModelFile:
    """Give a network the weights of the file that ``option`` names: all of them, or those that fit.

    With ``init_match=shared``, what was taken, derived, reset and left is logged.
    """
    name = f"{option}={cfg[option]}"
    with given_as(f"{option}="):
        weights = load_weights(cfg[option], role=role, branches=isinstance(network, RepSR))
    if cfg.init_match == "shared":
        sharing = share(network, weights, name)
        sharing.load(network)
        for line in sharing.lines():
            log.info("%-13s %s", option if role == "generator" else "init_d_from", line)
    else:
        _load_exactly(network, weights, name)
    check_weights(network, name)
    return weights


def _load_exactly(network: nn.Module, weights: ModelFile, name: str) -> None:
    try:
        load_into(network, weights.state_dict, name=name)
    except UserError as error:
        if not _can_share(network, weights, name):
            raise
        raise UserError(f"{error}; or init_match=shared, which takes what fits") from error


def _can_share(network: nn.Module, weights: ModelFile, name: str) -> bool:
    try:
        share(network, weights, name)
    except UserError:
        return False
    return True
