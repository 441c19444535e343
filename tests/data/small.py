"""Small folders of photographs, options that suit them, and a degradation that is easy to predict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from esrgan_train.data.composition import compose
from esrgan_train.data.datamodule import DataModule
from esrgan_train.data.folders import folder_photos
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.photos import Photos
from esrgan_train.data.sources import Source, Sources
from esrgan_train.data.training_set import TrainingSet
from esrgan_train.data.validation_set import ValidationSet
from esrgan_train.images.find import PathTable
from esrgan_train.prepare.inputs import pairs_in, photos_in
from esrgan_train.prepare.options import Options
from esrgan_train.prepare.pack import pack

OPTIONS: dict[str, Any] = {
    "upscale": 2,
    "seed": 0,
    "gt_size": 16,
    "batch_size": 2,
    "accumulate": 1,
    "num_workers": 0,
    "usm": False,
    "cache_mb": 64,
    "max_bad_fraction": 0.5,
    "scales": [1, 0.5],
}


def stream_options(**changed: Any) -> StreamOptions:
    return StreamOptions(**(OPTIONS | changed))


def noisy_mean(hr: Any, rng: np.random.Generator, upscale: int = 2) -> Any:
    """The mean of each upscale × upscale block, plus noise: depends on both arguments."""
    height, width = hr.shape[0] // upscale, hr.shape[1] // upscale
    blocks = hr.reshape(height, upscale, width, upscale, 3).mean(axis=(1, 3))
    return (blocks + rng.normal(0, 0.01, blocks.shape)).astype(np.float32)


def block_mean(hr: Any, rng: np.random.Generator) -> Any:  # noqa: ARG001 (a degradation's signature)
    return hr.reshape(hr.shape[0] // 2, 2, hr.shape[1] // 2, 2, 3).mean(axis=(1, 3), dtype=np.float32)


def training_set(photos: Source | PathTable, *, degradation: Any = noisy_mean, **changed: Any) -> TrainingSet:
    return TrainingSet(as_source(photos), stream_options(**changed), degradation=degradation)


def validation_set(photos: Source | PathTable, *, degradation: Any = block_mean, **changed: Any) -> ValidationSet:
    return ValidationSet(as_source(photos), stream_options(**changed), degradation=degradation)


def datamodule(photos: PathTable, val: PathTable, **changed: Any) -> DataModule:
    options = stream_options(**({"scales": [1], "max_bad_fraction": 0.1} | changed))
    return compose(Sources(Photos(photos), Photos(val)), options, degradation=noisy_mean)


def split(train_dir: Any, val_dir: Path | None = None, **changed: Any) -> Sources:
    """``folder_photos`` with the shares of conf/data/folder.yaml."""
    shares = {"val_fraction": 0.05, "max_val_photos": 32} | changed
    return folder_photos(train_dir=train_dir, val_dir=val_dir, **shares)


def packed(folder: Path, **changed: Any) -> Path:
    """A packed set of the photos in a folder, beside it."""
    options = Options(**({"scales": (1, 0.75, 0.5, 1 / 3)} | changed))
    lr = folder.with_name("lr")
    source = photos_in([folder]) if options.upscale is None else pairs_in([folder], lr)
    target = folder.with_name(f"{folder.name}_packed")
    pack(source, target, options, workers=1)
    return target


def as_source(photos: Source | PathTable) -> Source:
    return Photos(photos) if isinstance(photos, PathTable) else photos


def names(source: Source) -> list[str]:
    return [source.name(index) for index in range(len(source))]
