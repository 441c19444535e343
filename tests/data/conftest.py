"""Small folders of photographs, and a degradation that is easy to predict."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from esrgan_train.data.dataset import TrainingPhotos
from esrgan_train.images.find import PathTable, find_photos

MakePhotos = Callable[..., PathTable]


def noisy_mean(hr: Any, rng: np.random.Generator, upscale: int = 2) -> Any:
    """The mean of each upscale × upscale block, plus noise: depends on both arguments."""
    height, width = hr.shape[0] // upscale, hr.shape[1] // upscale
    blocks = hr.reshape(height, upscale, width, upscale, 3).mean(axis=(1, 3))
    return (blocks + rng.normal(0, 0.01, blocks.shape)).astype(np.float32)


@pytest.fixture
def make_photos(tmp_path: Path) -> MakePhotos:
    """Writes PNG photos of the given (height, width) and returns their table."""

    def make(*sizes: tuple[int, int], folder: str = "photos") -> PathTable:
        (tmp_path / folder).mkdir(exist_ok=True)
        for number, size in enumerate(sizes):
            pixels = np.random.default_rng(number).integers(0, 256, (*size, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{number:02}.png")
        return find_photos(tmp_path / folder, option="data.train_dir")

    return make


@pytest.fixture
def make_dataset() -> Callable[..., TrainingPhotos]:
    """``TrainingPhotos`` with values that suit small photos, each of which a test can replace."""

    def make(photos: PathTable, **changed: Any) -> TrainingPhotos:
        options: dict[str, Any] = {
            "degradation": noisy_mean,
            "sharpen": None,
            "upscale": 2,
            "seed": 0,
            "gt_size": 16,
            "scales": [1, 0.5],
            "cache_mb": 64,
            "max_bad_fraction": 0.5,
        }
        return TrainingPhotos(photos, **(options | changed))

    return make
