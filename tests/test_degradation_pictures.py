"""Each step and preset has its picture in docs/degradation.md, and it is what the command draws."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from tests.degradation_pictures import FOLDER, picture, presets, steps

PAGE = FOLDER.parents[1] / "degradation.md"


def test_every_step_and_preset_has_a_picture_in_the_page():
    named = re.findall(r"\(images/degradation/(\w+)\.webp\)", PAGE.read_text(encoding="utf-8"))
    assert sorted(named) == sorted([*steps(), *presets()])
    assert sorted(file.stem for file in FOLDER.iterdir()) == sorted(named), "python -m tests.degradation_pictures"


@pytest.mark.parametrize("name", ["halo", "light"])
def test_a_picture_is_what_the_command_draws(name: str):
    stored = np.array(Image.open(FOLDER / f"{name}.webp").convert("RGB"))
    drawn = picture(name)
    assert stored.shape == drawn.shape
    # A lossy file beside the pixels that went into it; another draw differs by tens of levels.
    assert np.abs(stored.astype(float) - drawn).mean() < 4


def test_the_three_draws_change_more_and_more():
    sheet = picture("noise").astype(float)
    tiles = [sheet[-216:-24, left : left + 192] for left in range(24, sheet.shape[1] - 192, 208)]
    changes = [np.abs(tile - tiles[0]).mean() for tile in tiles[1:]]
    assert len(changes) == 3
    assert 0 < changes[0] < changes[1] < changes[2]


def test_pictures_are_small():
    sizes = {file.name: file.stat().st_size for file in FOLDER.iterdir()}
    assert max(sizes.values()) < 64 * 1024, sizes
