"""Samples of one channel: what is degraded, and what networks see."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch

from esrgan_train.data.device_rendering import DeviceRendering
from esrgan_train.data.sheet import pairs_sheet
from esrgan_train.data.sources import Decoded, Source
from esrgan_train.data.training_set import TrainingSet
from esrgan_train.degradation import RealESRGANDegradation
from tests.data.small import block_mean, stream_options, training_set, validation_set
from tests.data.stand_in import StandIn

DEGRADATION = RealESRGANDegradation(upscale=2)


class Colourful(Source):
    """Photos of noise in colour, of 8 and of 16 bits."""

    def __len__(self) -> int:
        return 2

    def name(self, index: int) -> str:
        return f"photo {index}"

    def decode(self, index: int) -> Decoded:
        dtype = np.uint16 if index % 2 else np.uint8
        rng = np.random.default_rng(index)
        return Decoded(rng.integers(0, np.iinfo(dtype).max, (90, 100, 3), dtype=dtype, endpoint=True))


def luma_of(image: Any) -> Any:
    return cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)[:, :, None]


def test_luma_is_that_of_the_sample_in_colour():
    for n in range(4):
        colour = training_set(Colourful(), usm=True).sample(n)
        luma = training_set(Colourful(), usm=True, colour="luma").sample(n)
        for name in ("lr", "hr", "hr_target"):
            seen = getattr(luma, name)
            assert seen.dtype == np.float32
            assert np.allclose(seen, luma_of(getattr(colour, name)), atol=1e-6)


def test_gray_is_degraded_without_colours():
    seen: list[Any] = []

    def degradation(hr: Any, rng: np.random.Generator) -> Any:
        seen.append(hr)
        return block_mean(hr, rng)

    sample = training_set(Colourful(), degradation=degradation, colour="gray").sample(0)
    (hr,) = seen
    assert (hr == hr[:, :, :1]).all()
    assert sample.hr.shape == (16, 16, 1)
    assert sample.lr.shape == (8, 8, 1)
    assert np.allclose(sample.lr, sample.hr.reshape(8, 2, 8, 2, 1).mean(axis=(1, 3)), atol=1e-6)


@pytest.mark.parametrize("colour", ["gray", "luma"])
@pytest.mark.parametrize("usm", [False, True])
def test_the_device_makes_what_workers_make(colour: str, usm: bool):
    options = stream_options(colour=colour, usm=usm)
    workers = TrainingSet(Colourful(), options, degradation=DEGRADATION)
    rendering = DeviceRendering(DEGRADATION, StandIn(), options, device=torch.device("cpu"))
    device = TrainingSet(Colourful(), options, degradation=DEGRADATION, rendering=rendering)
    for n in range(4):
        ours, theirs = workers.sample(n), device.sample(n)
        for name in ("lr", "hr", "hr_target"):
            assert getattr(theirs, name).shape == getattr(ours, name).shape
            assert np.allclose(getattr(theirs, name), getattr(ours, name), atol=1e-4), name


@pytest.mark.parametrize("colour", ["gray", "luma"])
def test_held_out_photos_have_one_channel(colour: str):
    photos = validation_set(Colourful(), colour=colour, val_clean=True)
    assert [photos[0][name].shape[0] for name in ("lr", "hr", "lr_clean")] == [1, 1, 1]
    assert photos[2]["lr"].shape == (1, 1, 1)  # a position beyond the last photo
    in_colour = validation_set(Colourful())[0]
    if colour == "luma":
        assert np.allclose(
            photos[0]["lr"][0], luma_of(in_colour["lr"].permute(1, 2, 0).numpy())[..., 0], atol=1e-6
        )


def test_the_sheet_shows_gray_pictures():
    sheet = pairs_sheet(training_set(Colourful(), colour="gray"), [0, 1])
    assert sheet.shape[2] == 3
    inside = sheet[100:200, 40:200]
    assert (inside == inside[:, :, :1]).all()
    assert inside.std() > 10
