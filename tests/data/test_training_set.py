from __future__ import annotations

import logging
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from esrgan_train.data.sources import Decoded, Source
from esrgan_train.data.stream import photo_index
from esrgan_train.degradation import RealESRGANDegradation
from esrgan_train.errors import UserError
from esrgan_train.images.find import PathTable
from tests.data.small import block_mean, training_set

MakePhotos = Callable[..., PathTable]


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(torch.equal(a[key], b[key]) for key in ("lr", "hr", "hr_target")) and a["index"] == b["index"]


def test_a_sample_has_the_promised_shapes(make_photos: MakePhotos) -> None:
    sample = training_set(make_photos((100, 90)))[7]
    assert list(sample) == ["lr", "hr", "hr_target", "index"]
    assert sample["index"] == 7
    for key, side in (("lr", 8), ("hr", 16), ("hr_target", 16)):
        assert sample[key].shape == (3, side, side)
        assert sample[key].dtype == torch.float32
        assert sample[key].is_contiguous()
    assert 0 <= sample["hr"].min() < sample["hr"].max() <= 1


def test_a_sample_is_a_function_of_seed_and_number(make_photos: MakePhotos) -> None:
    photos = make_photos((100, 90), (120, 90), (90, 90))
    one, other = training_set(photos), training_set(photos, cache_mb=0)
    forwards = [one[n] for n in range(12)]
    backwards = [other[n] for n in reversed(range(12))][::-1]
    assert all(same(a, b) for a, b in zip(forwards, backwards, strict=True))
    assert not any(same(a, b) for a, b in pairwise(forwards))
    assert not same(training_set(photos, seed=1)[0], forwards[0])


def test_lr_is_made_from_hr(make_photos: MakePhotos) -> None:
    dataset = training_set(make_photos((100, 90)), degradation=block_mean)
    for n in range(10):
        sample = dataset[n]
        pooled = torch.nn.functional.avg_pool2d(sample["hr"][None], 2)[0]
        torch.testing.assert_close(sample["lr"], pooled, rtol=0, atol=1e-6)


def test_hr_does_not_depend_on_the_degradation(make_photos: MakePhotos) -> None:
    photos = make_photos((100, 90))
    assert torch.equal(training_set(photos)[3]["hr"], training_set(photos, degradation=block_mean)[3]["hr"])


class Ramp(Source):
    """One photo that gets brighter from left to right."""

    def __len__(self) -> int:
        return 1

    def name(self, index: int) -> str:
        return f"ramp {index}"

    def decode(self, index: int) -> Decoded:
        assert index == 0
        return Decoded(np.broadcast_to(np.arange(100, dtype=np.uint8)[None, :, None], (100, 100, 3)).copy())


def test_about_half_of_the_samples_are_flipped() -> None:
    dataset = training_set(Ramp(), scales=[1])
    rising = [bool(dataset[n]["hr"][0, 0, 1] > dataset[n]["hr"][0, 0, 0]) for n in range(200)]
    assert 70 < sum(rising) < 130


def test_without_sharpening_the_target_is_hr_itself(make_photos: MakePhotos) -> None:
    sample = training_set(make_photos((100, 90)))[0]
    assert sample["hr_target"] is sample["hr"]


def test_with_sharpening_lr_comes_from_the_target_and_hr_stays_plain(make_photos: MakePhotos) -> None:
    photos = make_photos((100, 90))
    plain = training_set(photos, degradation=block_mean)[2]
    sharp = training_set(photos, degradation=block_mean, usm=True)[2]
    assert torch.equal(plain["hr"], sharp["hr"])
    assert (sharp["hr_target"] - sharp["hr"]).abs().max() > 0.05
    pooled = torch.nn.functional.avg_pool2d(sharp["hr_target"][None], 2)[0]
    torch.testing.assert_close(sharp["lr"], pooled, rtol=0, atol=1e-6)


def test_tiny_photos_work(make_photos: MakePhotos) -> None:
    photos = make_photos((5, 3), (1, 1), (60, 3))
    degradation = RealESRGANDegradation(upscale=4)
    dataset = training_set(photos, degradation=degradation, upscale=4, usm=True)
    for n in range(6):
        assert dataset[n]["hr"].shape == (3, 16, 16)
        assert torch.isfinite(dataset[n]["lr"]).all()


def test_the_published_degradation_works(make_photos: MakePhotos) -> None:
    for upscale, gt_size in ((2, 32), (3, 48), (4, 32)):
        dataset = training_set(
            make_photos((150, 160)),
            degradation=RealESRGANDegradation(upscale=upscale),
            upscale=upscale,
            gt_size=gt_size,
        )
        first, again = dataset[5], dataset[5]
        assert first["lr"].shape == (3, gt_size // upscale, gt_size // upscale)
        assert same(first, again)


def test_a_bad_photo_is_replaced_and_no_other_sample_changes(
    make_photos: MakePhotos, caplog: pytest.LogCaptureFixture
) -> None:
    photos = make_photos((80, 80), (80, 80), (80, 80), (80, 80))
    good = [training_set(photos)[n] for n in range(16)]
    whole = photos[1].read_bytes()
    photos[1].write_bytes(whole[: len(whole) // 2])
    dataset = training_set(photos)
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        damaged = [dataset[n] for n in range(16)]
    for n in range(16):
        assert same(damaged[n], good[n]) == (photo_index(0, n, 4) != 1)
        assert dataset.sample(n).name != "01.png"
    assert dataset.bad.count == 1
    assert len([record for record in caplog.records if "01.png" in record.getMessage()]) == 1
    assert same(training_set(photos)[9], damaged[9])


def test_only_bad_photos_are_an_error(make_photos: MakePhotos) -> None:
    photos = make_photos((80, 80), (80, 80))
    for path in photos:
        path.write_bytes(b"no picture")
    dataset = training_set(photos, max_bad_fraction=1)
    with pytest.raises(UserError, match="none of the 2 training photos"):
        dataset[0]
