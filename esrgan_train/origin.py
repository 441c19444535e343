"""origin.json: what a run started from, for whoever reads its folder later."""

from __future__ import annotations

import json
import os
import platform
from contextlib import suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lightning import Trainer
from omegaconf import DictConfig

import esrgan_train
from esrgan_train.announce import describe_batch, losses, stages
from esrgan_train.data.datamodule import DataModule
from esrgan_train.devices import device_name
from esrgan_train.files import replacing
from esrgan_train.launch import Launch
from esrgan_train.training.module import ESRGANModule

ORIGIN = "origin.json"
_LIBRARIES = ("torch", "torchvision", "lightning", "hydra-core", "numpy", "opencv-python-headless", "pillow")


def write_origin(
    cfg: DictConfig, launch: Launch, module: ESRGANModule, datamodule: DataModule, trainer: Trainer
) -> None:
    """Write the commands, the data, the course and the environment of a run that starts or resumes."""
    origin = {
        "commands": {
            "folder": str(Path.cwd()),
            "repeat": launch.repeat_command(),
            "resume": launch.resume_command(cfg.run_dir),
        },
        "data": {"photos": datamodule.describe(), **datamodule.describe_sizes()},
        "course": _course(cfg, module, trainer),
        "environment": _environment(module, trainer),
    }
    with replacing(Path(cfg.run_dir) / ORIGIN) as partial:
        partial.write_text(json.dumps(origin, indent=2) + "\n", encoding="utf-8")


def _course(cfg: DictConfig, module: ESRGANModule, trainer: Trainer) -> dict[str, str]:
    networks = {"generator": module.generator, "discriminator": module.discriminator}
    last = cfg.trainer.max_steps
    return {
        **{
            name: f"{type(network).__name__}, {sum(p.numel() for p in network.parameters()):,} parameters"
            for name, network in networks.items()
            if network is not None
        },
        "stages": "; ".join(stages(module.objective, last)),
        "losses": "; ".join(losses(module.objective, last)),
        "batch": describe_batch(cfg, trainer.world_size),
    }


def _environment(module: ESRGANModule, trainer: Trainer) -> dict[str, Any]:
    precision = module.precision
    return {
        "started": f"{datetime.now():%Y-%m-%d %H:%M:%S}",
        "device": device_name(trainer.strategy.root_device),
        "precision": f"{precision.name} ({precision.reason})",
        "processes": trainer.world_size,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "Python": platform.python_version(),
        "esrgan_train": esrgan_train.__version__,
        **_versions(),
    }


def _versions() -> dict[str, str]:
    """Of the libraries; one that another package provides, such as OpenCV's, is left out."""
    found = {}
    for name in _LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
