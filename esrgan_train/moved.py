"""Names of earlier versions, in run folders and checkpoints that users still have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omegaconf import DictConfig

# Dotted paths of a ``_target_``, and their names today; None: another one does their work.
PATHS: dict[str, str | None] = {
    "esrgan_train.data.datamodule.DataModule": "esrgan_train.data.sample_photos.sample_photos",
    "esrgan_train.data.sample.sample_split": None,
    "esrgan_train.data.folder_datamodule.FolderDataModule": "esrgan_train.data.folders.folder_photos",
    "esrgan_train.data.paired_datamodule.PairedDataModule": "esrgan_train.data.pairs.paired_photos",
    "esrgan_train.callbacks.validate_lpips.ValidateLpips": "esrgan_train.callbacks.validate_learned.ValidateLpips",
}
# Entries of a checkpoint, which Lightning names by class.
STATES = {"FolderDataModule": "DataModule", "PairedDataModule": "DataModule"}


def with_todays_paths(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings, nested or by dotted name, with every ``_target_`` by its name of today."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping) and value:
            if inner := with_todays_paths(value):
                found[name] = inner
        elif not isinstance(value, str) or value not in PATHS:
            found[name] = value
        elif (path := PATHS[value]) is not None:
            found[name] = path
    return found


def with_todays_states(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint with its entries under their names of today."""
    return {STATES.get(name, name): value for name, value in checkpoint.items()}


def read_config(file: Path) -> DictConfig:
    """The configuration in a run folder; raises what OmegaConf raises."""
    from omegaconf import DictConfig, OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    config = OmegaConf.load(file)
    if not isinstance(config, DictConfig):
        raise OmegaConfBaseException(f"{file} holds no configuration")
    plain: Any = OmegaConf.to_container(config)
    return OmegaConf.create(with_todays_paths(plain))
