"""The eight symmetries, compared with those of the published loader."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from basicsr.data.transforms import augment

from esrgan_train.data.cutters import Cut
from esrgan_train.data.orientation import turned
from esrgan_train.data.photos import Photos
from esrgan_train.images.find import PathTable
from tests.data.small import packed, split, training_set
from tests.data.test_pairs import enlarged, tables, write_pair

MakePhotos = Callable[..., PathTable]


def square(dtype: Any = np.uint8) -> Any:
    return np.random.default_rng(0).integers(0, 250, (6, 6, 3)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_with_the_flip_all_eight_occur_evenly_as_in_basicsr(dtype: Any):
    image = square(dtype)
    found: Counter[bytes] = Counter()
    rng = np.random.default_rng(1)
    for number in range(4000):
        flipped = image[:, ::-1] if number % 2 else image  # as the cutter does
        turn = turned(Cut(flipped), rng).hr
        assert (turn.shape, turn.dtype) == (image.shape, image.dtype)
        found[turn.tobytes()] += 1
    random.seed(0)
    published = {
        np.ascontiguousarray(augment(image.copy(), hflip=True, rotation=True)).tobytes() for _ in range(200)
    }
    assert found.keys() == published
    assert len(found) == 8
    assert max(abs(count / 4000 - 1 / 8) for count in found.values()) < 0.025


def symmetries(image: Any) -> list[bytes]:
    return [
        np.ascontiguousarray(each).tobytes()
        for side in (image, image[::-1])
        for each in (side, side.swapaxes(0, 1))
    ]


def test_nothing_else_of_a_sample_changes(make_photos: MakePhotos):
    photos = Photos(make_photos((100, 90), (120, 130)))
    still, turning = training_set(photos), training_set(photos, rotate=True)
    places = Counter()
    for n in range(60):
        one, other = still.take(n), turning.take(n)
        assert (one.name, one.cut.corner, one.cut.scale) == (other.name, other.cut.corner, other.cut.scale)
        assert one.rng.random() == other.rng.random()
        places[symmetries(one.cut.hr).index(np.ascontiguousarray(other.cut.hr).tobytes())] += 1
    assert len(places) == 4
    assert min(places.values()) > 5


def test_both_sides_of_a_pair_turn_alike(tmp_path: Any):
    write_pair(tmp_path, "a.png", (40, 50), seed=0)
    plain, turning = (training_set(tables(tmp_path), degradation=None, rotate=rotate) for rotate in (False, True))
    moved = 0
    for n in range(20):
        sample = turning[n]
        assert torch.equal(enlarged(sample["lr"]), sample["hr"])
        moved += not torch.equal(sample["hr"], plain[n]["hr"])
    assert 10 <= moved <= 19


def test_windows_of_a_mapped_file_turn_too_and_the_file_stays(make_photos: MakePhotos):
    root = make_photos((100, 90), (120, 130)).root
    folder, mapped = (training_set(split(each).training, rotate=True) for each in (root, packed(root)))
    for n in range(8):
        assert torch.equal(folder[n]["lr"], mapped[n]["lr"])
        assert torch.equal(folder[n]["hr"], mapped[n]["hr"])
