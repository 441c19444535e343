from __future__ import annotations

from importlib.metadata import files
from pathlib import Path

import pytest

from esrgan_train.data import sample_photos as module
from esrgan_train.data.sample_photos import TRAIN, VAL, sample_photos
from esrgan_train.errors import UserError
from tests.data.small import names


def test_photos_are_those_that_the_installed_package_lists() -> None:
    shipped = {path.name for path in files("scikit-image") or [] if path.parent.as_posix() == "skimage/data"}
    assert set(TRAIN + VAL) <= shipped


def test_every_photo_can_be_read_and_none_is_on_both_sides() -> None:
    train, val, _ = sample_photos()
    assert (len(train), len(val)) == (len(TRAIN), 3)
    assert not set(names(train)) & set(names(val))
    for image in (photos.decode(i).hr for photos in (train, val) for i in range(len(photos))):
        assert min(image.shape[:2]) >= 188  # the demo recipe's window
        assert image.shape[2] == 3


def test_a_missing_photo_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VAL", ("chelsea.png", "gone.png"))
    with pytest.raises(UserError, match=r"gone\.png is missing: reinstall scikit-image.*data=folder"):
        sample_photos()


def test_they_lie_in_the_packages_folder() -> None:
    (folder,) = sample_photos().training.folders
    assert folder.parts[-2:] == Path("skimage/data").parts
