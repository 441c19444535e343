"""Whether this machine has the devices that a run asks for."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch.accelerators import AcceleratorRegistry
from omegaconf import DictConfig, OmegaConf

from esrgan_train.bounds import Count, WholeNumber, fits, shown
from esrgan_train.checks.nearest import remedy
from esrgan_train.checks.tree import plain
from esrgan_train.errors import UserError

_WORDS = ("auto", "gpu")


def check_devices(cfg: DictConfig) -> None:
    """``UserError`` for an unknown or missing accelerator, and for more devices than there are."""
    accelerator, devices = cfg.trainer.accelerator, plain(cfg.trainer.devices)
    known = [*_WORDS, *AcceleratorRegistry.available_accelerators()]
    if accelerator not in known:
        raise UserError(
            f"trainer.accelerator={shown(accelerator)} is not known: {remedy(str(accelerator), known)}"
        )
    check_rendering(cfg)
    if accelerator in ("auto", "cpu"):
        return
    names = ["cuda", "mps"] if accelerator == "gpu" else [accelerator]
    here = [name for name in names if AcceleratorRegistry.get(name).is_available()]
    if not here:
        what = "no GPU was found" if set(names) & {"cuda", "mps"} else f"no {accelerator} was found"
        raise UserError(f"trainer.accelerator={accelerator}: {what}; give trainer.accelerator=auto or cpu")
    most = AcceleratorRegistry.get(here[0]).auto_device_count()
    if (device_count(devices) or 0) > most:
        raise UserError(f"trainer.devices={shown(devices)}: {most} found; give trainer.devices={most} or auto")


def check_rendering(cfg: DictConfig) -> None:
    """``UserError`` for LR that is to be made on a GPU in a run that trains on none."""
    if OmegaConf.select(cfg, "degradation.device") != "cuda" or device_of(cfg.trainer.accelerator) == "cuda":
        return
    if not torch.cuda.is_available():
        raise UserError("degradation.device=cuda: no GPU was found; give degradation.device=auto or cpu")
    raise UserError(
        f"degradation.device=cuda: trainer.accelerator={shown(cfg.trainer.accelerator)} does not train on a GPU, "
        "and LR is made where it trains; give trainer.accelerator=gpu, or degradation.device=auto or cpu"
    )


def device_of(accelerator: str) -> str:
    """The type of device that ``trainer.accelerator`` stands for on this machine, as Lightning chooses it."""
    if accelerator not in _WORDS:
        return accelerator
    here = [name for name in ("mps", "cuda") if AcceleratorRegistry.get(name).is_available()]
    return here[0] if here else "cpu"


def device_count(devices: Any) -> int | None:
    """How many devices ``trainer.devices`` asks for; 0 for all, None if it is invalid."""
    if devices in ("auto", -1, "-1"):
        return 0
    if fits(devices, Count):
        return int(devices)
    if isinstance(devices, str):
        try:
            devices = [int(number) for number in devices.split(",") if number.strip()]
        except ValueError:
            return None
    return len(devices) if devices and fits(devices, list[WholeNumber]) else None
