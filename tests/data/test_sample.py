from __future__ import annotations

from importlib.metadata import files
from pathlib import Path

import pytest

from esrgan_train.data import sample
from esrgan_train.data.sample import TRAIN, VAL, sample_split
from esrgan_train.errors import UserError
from esrgan_train.images.decode import decode


def test_photos_are_those_that_the_installed_package_lists() -> None:
    shipped = {path.name for path in files("scikit-image") or [] if path.parent.as_posix() == "skimage/data"}
    assert set(TRAIN + VAL) <= shipped


def test_every_photo_can_be_read_and_none_is_on_both_sides() -> None:
    train, val = sample_split()
    assert (len(train), len(val)) == (len(TRAIN), 3)
    assert not set(train) & set(val)
    for path in (*train, *val):
        image = decode(path)
        assert min(image.shape[:2]) >= 188  # the demo recipe's window
        assert image.shape[2] == 3


def test_a_missing_photo_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "VAL", ("chelsea.png", "gone.png"))
    with pytest.raises(UserError, match=r"gone\.png is missing: reinstall scikit-image.*data=folder"):
        sample_split()


def test_the_split_carries_the_package_folder() -> None:
    assert sample_split().train.root.parts[-2:] == Path("skimage/data").parts
