"""Shows samples of a run again: ``python -m esrgan_train.replay RUN SAMPLE... [-o OUT]``."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

import numpy as np
import torch
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from esrgan_train import libraries, moved  # noqa: F401 — libraries before the others, see there
from esrgan_train.arguments import number
from esrgan_train.bounds import WholeNumber
from esrgan_train.build import build_datamodule
from esrgan_train.cli import DONE, run_command
from esrgan_train.commands import program
from esrgan_train.config import register
from esrgan_train.data.datamodule import RENDERER
from esrgan_train.data.sheet import pairs_sheet
from esrgan_train.data.site import BY_WORKERS, Site, site_named
from esrgan_train.data.training_set import TrainingSet
from esrgan_train.errors import UserError
from esrgan_train.images.encode import write_image
from esrgan_train.modelfiles.weights import load_checkpoint
from esrgan_train.training.checkpoint_io import LAST

log = logging.getLogger(__name__)


def main(arguments: list[str] | None = None) -> int:
    """Draw the samples as a sheet and describe them, as the run met them if the photos are the same."""
    options = _parser().parse_args(arguments)
    photos = build_datamodule(read_config(options.run), site=site_in(options.run)).training
    for n in options.samples:
        log.info("%s", _describe(photos, n))
    target = options.output or options.run / "replay.png"
    write_image(target, pairs_sheet(photos, options.samples))
    log.info("drawn in %s", target)
    return DONE


def site_in(run: Path) -> Site | None:
    """Where the run's samples were rendered, by its last checkpoint, if that can be done here.

    None if there is no checkpoint: a run of this configuration would choose again.
    """
    if not (file := run / "checkpoints" / LAST).is_file():
        return None
    site = site_named(load_checkpoint(file).get("settings", {}).get(RENDERER))
    if site.device == "cuda" and not torch.cuda.is_available():
        log.warning("the run's LR was made on a GPU, and there is none here: the CPU makes it, with other noise")
        return BY_WORKERS
    return site


def _describe(photos: TrainingSet, n: int) -> str:
    sample = photos.sample(n)
    parts = [
        f"{name} {array.min():.3f} to {array.max():.3f}, mean {array.mean():.3f}"
        + ("" if np.isfinite(array).all() else ", NOT FINITE")
        for name, array in (("LR", sample.lr), ("HR", sample.hr))
    ]
    altered = f", {sample.altered}" if sample.altered else ""
    partner = f" with {sample.partner}" if sample.partner else ""
    return f"sample {n}: {sample.name} at scale {sample.scale:.3g}{altered}{partner}; {'; '.join(parts)}"


def read_config(run: Path) -> DictConfig:
    """The resolved configuration in a run folder.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    file = run / "config.yaml"
    if not file.is_file():
        raise UserError(
            f"{run} is no run folder: {file} does not exist; give one such as runs/x4_prelu/<timestamp>"
        )
    register()
    try:
        return moved.read_config(file)
    except (OSError, YAMLError, OmegaConfBaseException) as error:
        raise UserError(f"{file} cannot be read: {' '.join(str(error).split())}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program("esrgan_train.replay"), description="Show samples of a run again."
    )
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="the run's folder")
    add("samples", nargs="+", type=number(WholeNumber), metavar="SAMPLE", help="numbers of samples, from 0")
    add("-o", "--output", type=Path, metavar="OUT", help="picture to write; default: RUN/replay.png")
    return parser


if __name__ == "__main__":
    sys.exit(run_command(main))
