"""Small folders of photographs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from esrgan_train.images.find import PathTable, find_photos

MakePhotos = Callable[..., PathTable]


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
