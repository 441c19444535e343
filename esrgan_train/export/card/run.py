"""What a run folder says of the model that it made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yaml import YAMLError

from esrgan_train.errors import UserError
from esrgan_train.identity import CROPS, crops_per_iteration
from esrgan_train.loggers.metrics_csv import FILE_NAME, read_rows
from esrgan_train.modelfiles.weights import load_checkpoint
from esrgan_train.moved import read_config
from esrgan_train.training.checkpoint_io import LAST

if TYPE_CHECKING:
    from omegaconf import DictConfig

_CONFIG = "config.yaml"
_SAMPLE_PHOTOS = "esrgan_train.data.sample_photos.sample_photos"
_FOLDERS = ("train_dir", "pairs_dir")  # of the configuration's ``data``


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run, as far as a model's card names it; folders and files by their last name alone."""

    folder: Path
    batch: int | None  # crops of an iteration
    hr_side: int | None  # of a crop, in pixels
    on_the_fly: bool  # whether LR was made of HR
    photos: tuple[str, ...]  # what it was trained on
    start: str | None  # the file whose weights it started from
    teacher: str | None
    stated: Mapping[str, Any]  # what its configuration says of the card
    scores: Mapping[str, float]  # on held-out photos, of these weights: "psnr", "psnr_bicubic", …


def read_run(folder: Path, iterations: object) -> Run:
    """The run in ``folder``, of whose validations the one after so many iterations counts.

    Raises:
        UserError: its configuration cannot be read.
    """
    from omegaconf.errors import OmegaConfBaseException

    try:
        cfg = read_config(folder / _CONFIG)
    except (OSError, YAMLError, UnicodeDecodeError, OmegaConfBaseException) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{folder / _CONFIG} cannot be read ({reason}): --no-card does without it") from error
    data = _plain(cfg, "data")
    return Run(
        folder=folder,
        batch=_crops(folder, cfg),
        hr_side=data.get("gt_size"),
        on_the_fly=cfg.get("degradation") is not None,
        photos=tuple(_photos(data)),
        start=_last_name(cfg.get("init_from")),
        teacher=_last_name(cfg.get("teacher")),
        stated=_plain(cfg, "card"),
        scores=_scores(folder, iterations),
    )


def _plain(cfg: DictConfig, name: str) -> dict[str, Any]:
    """A group as plain values; empty in a run of an earlier version that had none."""
    from omegaconf import OmegaConf

    found = OmegaConf.to_container(cfg[name]) if name in cfg else {}
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}


def _crops(folder: Path, cfg: DictConfig) -> int | None:
    """Of all processes together, which the configuration alone does not always say."""
    if (file := folder / "checkpoints" / LAST).is_file():
        found = load_checkpoint(file).get("settings", {}).get(CROPS)
        return found if isinstance(found, int) else None
    devices, nodes = cfg.trainer.get("devices"), cfg.trainer.get("num_nodes", 1)
    return crops_per_iteration(cfg, devices * nodes) if isinstance(devices, int) and devices > 0 else None


def _photos(data: Mapping[str, Any]) -> list[str]:
    if data.get("_target_") == _SAMPLE_PHOTOS:
        return ["the sample photographs of esrgan_train"]
    given = (data.get(name) for name in _FOLDERS)
    return [name for folders in given for one in _each(folders) if (name := _last_name(one)) is not None]


def _each(folders: object) -> list[object]:
    """One folder, or several: listed, or by their shares."""
    return list(folders) if isinstance(folders, (list, dict)) else [folders]


def _last_name(path: object) -> str | None:
    """The last part of a path, of whichever system: the rest tells of someone's disk."""
    return None if path is None else re.split(r"[\\/]", str(path).rstrip("\\/"))[-1] or None


def _scores(folder: Path, iterations: object) -> dict[str, float]:
    rows = (row for row in read_rows(folder / FILE_NAME) if row["step"] == str(iterations))
    values = {name: value for row in rows for name, value in row.items() if name.startswith("val/") and value}
    return {name.removeprefix("val/"): float(value) for name, value in values.items()}
