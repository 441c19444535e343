"""Weights that training would fetch at its start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from esrgan_train.doctor.finding import Finding
from esrgan_train.downloads import FAILURES, look_for
from esrgan_train.errors import UserError
from esrgan_train.losses import vgg_weights
from esrgan_train.metrics.learned import LEARNED, LPIPS


def weights_check(cfg: DictConfig) -> Iterator[Finding]:
    """Whether VGG19 and what LPIPS and DISTS take are here, or their servers answer; nothing is fetched.

    Raises:
        UserError: they do not; as training would say.
    """
    if needs_imagenet(cfg):
        file = vgg_weights.imagenet_file()
        if file.exists():
            yield Finding("weights", "ok", f"VGG19 is here: {file}")
        else:
            yield _fetched_later("VGG19 (548 MB)", file, vgg_weights.imagenet_url(), vgg_weights.cannot_be_fetched)
    for measure in LEARNED:
        use = OmegaConf.select(cfg, f"callbacks.{measure.name}.use")
        file, size = measure.file, measure.size
        if use not in (True, "auto"):
            continue
        if file.exists():
            yield Finding("weights", "ok", f"{measure.title} is here: {file}")
        elif use is True:
            yield _fetched_later(f"{measure.title} ({size})", file, measure.url, measure.cannot_be_fetched)
        elif measure is LPIPS:  # DISTS stands in for it
            what = f"{measure.logged} is left out: {file} is not there"
            yield Finding("weights", "note", what, f"give callbacks.{measure.name}.use=true to fetch it ({size})")


def needs_imagenet(cfg: DictConfig) -> bool:
    """Whether the perceptual loss takes torchvision's weights."""
    perceptual = cfg.loss.perceptual
    return bool(perceptual.weight) and OmegaConf.select(perceptual, "function.features") == "imagenet"


def without_fetching(cfg: DictConfig) -> DictConfig:
    """A copy that builds without fetching anything: random features take as much memory and time."""
    cfg = deepcopy(cfg)
    if needs_imagenet(cfg) and not vgg_weights.imagenet_file().exists():
        cfg.loss.perceptual.function.features = "random"
    for measure in LEARNED:
        if OmegaConf.select(cfg, f"callbacks.{measure.name}.use") is True and not measure.file.exists():
            cfg.callbacks[measure.name].use = False
    return cfg


def _fetched_later(what: str, file: Path, url: str, refusal: Callable[[BaseException], UserError]) -> Finding:
    try:
        look_for(url)
    except FAILURES as error:
        raise refusal(error) from error
    return Finding(
        "weights",
        "note",
        f"{what} is not here yet: training fetches it at its start",
        f"or put it at {file} before",
    )
