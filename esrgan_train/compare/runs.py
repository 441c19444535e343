"""Finished run folders, found and read."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from torch import nn

from esrgan_train.errors import UserError
from esrgan_train.inference.geometry import reach_of
from esrgan_train.loggers.metrics_csv import FILE_NAME, Row, read_rows
from esrgan_train.modelfiles.rebuild import rebuild_generator
from esrgan_train.modelfiles.weights import load_weights
from esrgan_train.moved import read_config

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Run:
    """A finished run."""

    name: str  # the shortest that no other run has
    config: DictConfig  # resolved
    rows: list[Row]  # of metrics.csv
    summary: dict[str, Any]  # of summary.json
    generator: nn.Module  # of the model file, on the CPU
    radius: int | None  # how far it looks, in pixels of its input; None: without end

    @property
    def upscale(self) -> int:
        """Output pixels per input pixel, each way."""
        return int(self.config.upscale)

    @property
    def pictures(self) -> tuple[int, str]:
        """Scale and colour of what it was trained on."""
        return self.upscale, str(self.config.get("colour", "rgb"))


def find_runs(given: Sequence[Path]) -> list[Path]:
    """The run folders among ``given`` and, for folders that hold several such as a sweep's, those inside."""
    found: dict[Path, Path] = {}  # by resolved path: each once
    for folder in given:
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder: give run folders, or a folder that holds them")
        configs = (file for file in folder.rglob("config.yaml") if "wandb" not in file.parts)  # W&B has its own
        inside = [folder] if (folder / "config.yaml").exists() else sorted(file.parent for file in configs)
        if not inside:
            raise UserError(f"{folder} holds no run (no config.yaml in it or below): give a run folder")
        for run in inside:
            found.setdefault(run.resolve(), run)
    return list(found.values())


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read run folders; those that cannot be read are left out with a warning. ``UserError`` if none can."""
    runs: dict[Path, Run] = {}
    for folder in folders:
        try:
            runs[folder] = _read(folder)
        except UserError as error:
            log.warning("%s is left out: %s", folder, error)
    if not runs:
        raise UserError("there is no run to compare: give run folders that hold summary.json and model/")
    for run, name in zip(runs.values(), short_names(list(runs)), strict=True):
        run.name = name
    return list(runs.values())


def short_names(folders: Sequence[Path]) -> list[str]:
    """The shortest names that differ: the last part of each folder's path, or as many parts as it takes."""
    names, parts = [""] * len(folders), 0
    while len(set(names)) < len(folders) or not parts:
        parts += 1
        names = ["/".join(folder.resolve().parts[-parts:]) for folder in folders]
    return names


def _read(folder: Path) -> Run:
    try:
        config = read_config(folder / "config.yaml")
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        model = (folder / summary["model"]).with_suffix(".safetensors")
        rows = read_rows(folder / FILE_NAME)
        [float(row["step"]) for row in rows]
        summary["iterations"], summary["val"]["psnr"]
    except FileNotFoundError as error:
        raise UserError(f"{Path(error.filename).name} is missing, so it has not been validated yet") from error
    except Exception as error:  # a broken file can fail in any parser
        raise UserError(f"broken: {type(error).__name__}: {' '.join(str(error).split())}") from error
    if not model.exists():
        raise UserError(f"model/{model.name} is missing")
    network = rebuild_generator(load_weights(model))
    radius = reach_of(network)
    return Run(name=folder.name, config=config, rows=rows, summary=summary, generator=network, radius=radius)
