from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from esrgan_train.data.mixed import Mixed
from esrgan_train.data.pairs import PairedPhotos
from esrgan_train.data.stream import Purpose, sample_rng
from esrgan_train.degradation import RealESRGANDegradation
from esrgan_train.errors import UserError
from esrgan_train.images.decode import decode, to_float
from esrgan_train.images.find import PathTable, find_photos
from tests.data.small import as_source, validation_set

MakePhotos = Callable[..., PathTable]


def channels_first(image: Any) -> Any:
    return image.transpose(2, 0, 1)


def test_held_out_photos_are_whole_plain_and_fixed(make_photos: MakePhotos) -> None:
    photos = make_photos((61, 83), (40, 50))
    degradation = RealESRGANDegradation(upscale=4)
    held_out = validation_set(photos, degradation=degradation, upscale=4, seed=3)
    assert len(held_out) == 2
    assert sorted(held_out[0]) == ["counts", "draw", "hr", "index", "lr", "name"]
    item = held_out[0]
    assert (item["index"], item["name"], item["counts"]) == (0, "00.png", True)
    assert item["lr"].shape == (3, 15, 20)
    hr = to_float(decode(photos[0]))[:60, :80]
    assert np.array_equal(item["hr"].numpy(), channels_first(hr))
    expected = degradation(hr, sample_rng(3, 0, purpose=Purpose.VALIDATION))
    assert np.array_equal(item["lr"].numpy(), channels_first(expected))
    assert torch.equal(held_out[0]["lr"], item["lr"])


def test_a_position_beyond_the_last_photo_does_not_count(make_photos: MakePhotos) -> None:
    held_out = validation_set(make_photos((40, 50)), upscale=4)
    item = held_out[1]
    assert (item["counts"], item["lr"].shape, item["hr"].shape) == (False, (3, 1, 1), (3, 4, 4))


def test_a_held_out_photo_without_a_whole_lr_pixel_is_named(make_photos: MakePhotos) -> None:
    held_out = validation_set(make_photos((3, 90)), upscale=4)
    with pytest.raises(UserError, match=r"00\.png is smaller than upscale=4"):
        held_out[0]


@pytest.mark.parametrize("upscale", [1, 2, 3])
def test_of_a_larger_photo_the_middle_is_taken(make_photos: MakePhotos, upscale: int) -> None:
    photos = make_photos((300, 71), (64, 64), (66, 65))
    seen = []

    def reduce(hr: Any, rng: np.random.Generator) -> Any:  # noqa: ARG001
        seen.append(hr.copy())
        return hr[::upscale, ::upscale]

    held_out = validation_set(photos, degradation=reduce, upscale=upscale, gt_size=48, val_max_size=64)
    held_out.clean = reduce
    kept = 64 // upscale * upscale
    for index in range(3):
        item, whole = held_out[index], to_float(decode(photos[index]))
        height, width = whole.shape[:2]
        top, left = ((side - kept) // 2 // upscale * upscale for side in (height, width))
        assert abs((height - kept) / 2 - top) < upscale  # in the middle
        expected = whole[top : top + kept, left : left + kept]
        assert expected.shape == (kept, kept, 3)
        assert np.array_equal(item["hr"].numpy(), channels_first(expected))
        assert np.array_equal(seen.pop(), expected)  # nothing else is degraded
        assert np.array_equal(seen.pop(), expected)


def test_a_photo_that_is_no_larger_is_taken_as_it_is(make_photos: MakePhotos) -> None:
    photos = make_photos((64, 40), (61, 63))
    for index in range(2):
        limited, whole = (validation_set(photos, val_max_size=size)[index] for size in (64, None))
        assert torch.equal(limited["hr"], whole["hr"])
        assert torch.equal(limited["lr"], whole["lr"])


def test_photos_that_cannot_be_read_are_named_once_and_do_not_count(
    make_photos: MakePhotos, caplog: pytest.LogCaptureFixture
) -> None:
    photos = make_photos((80, 80), (80, 80), (80, 80))
    whole = photos[1].read_bytes()
    photos[1].write_bytes(whole[: len(whole) // 2])
    held_out = validation_set(photos, max_bad_fraction=0.4)
    with caplog.at_level(logging.WARNING, logger="esrgan_train"):
        items = [held_out[index] for _ in range(2) for index in range(3)]
    assert [item["counts"] for item in items] == [True, False, True] * 2
    assert items[1]["lr"].shape == (3, 1, 1)
    (line,) = caplog.messages
    assert line.startswith(f"{photos[1]} cannot be read: ")
    assert line.endswith("; it is left out of the figures")
    assert held_out.bad.noted().keys() == {1}
    held_out.bad.check()
    photos[0].unlink()
    assert not held_out[0]["counts"]
    with pytest.raises(UserError, match=r"max_bad_fraction=0\.4 is exceeded: 2 of 3 held-out photos"):
        held_out.bad.check()


@pytest.mark.parametrize("size", [(40, 50), (31, 100)])
def test_both_sides_of_a_large_pair_are_cut_alike(tmp_path: Path, size: tuple[int, int]) -> None:
    lr = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    for side, pixels in (("lr", lr), ("hr", lr.repeat(3, 0).repeat(3, 1))):
        (tmp_path / side).mkdir()
        Image.fromarray(pixels).save(tmp_path / side / "a.png")
    pairs = PairedPhotos(*(find_photos(tmp_path / side, option="x") for side in ("lr", "hr")), upscale=3)
    item = validation_set(pairs, upscale=3, gt_size=24, val_max_size=100, degradation=None)[0]
    height, width = (min(side, 33) for side in size)  # of LR: 33 × 3 pixels are not more than 100
    top, left = ((side - kept) // 2 for side, kept in zip(size, (height, width), strict=True))
    expected = channels_first(to_float(lr[top : top + height, left : left + width]))
    assert np.array_equal(item["lr"].numpy(), expected)
    assert np.array_equal(item["hr"].numpy(), expected.repeat(3, 1).repeat(3, 2))


def test_each_photo_is_degraded_as_often_as_val_draws_says(make_photos: MakePhotos) -> None:
    photos = make_photos((61, 83), (40, 50))
    degradation = RealESRGANDegradation(upscale=4)
    once = validation_set(photos, degradation=degradation, upscale=4, seed=3)
    drawn = validation_set(photos, degradation=degradation, upscale=4, seed=3, val_draws=3)
    assert (len(once), len(drawn)) == (2, 6)
    items = [drawn[position] for position in range(6)]
    assert [(item["index"], item["draw"]) for item in items] == [(0, 0), (1, 0), (0, 1), (1, 1), (0, 2), (1, 2)]
    for index in range(2):
        assert torch.equal(items[index]["lr"], once[index]["lr"])  # the first draw is that of a single one
        draws = [item["lr"] for item in items if item["index"] == index]
        assert len({draw.numpy().tobytes() for draw in draws}) == 3
        assert all(torch.equal(item["hr"], once[index]["hr"]) for item in items if item["index"] == index)
    expected = degradation(items[1]["hr"].numpy().transpose(1, 2, 0), sample_rng(3, 1, 2, Purpose.VALIDATION))
    assert np.array_equal(items[5]["lr"].numpy(), channels_first(expected))
    assert not drawn[6]["counts"]


def test_clean_reductions_are_measured_once(make_photos: MakePhotos) -> None:
    held_out = validation_set(make_photos((40, 40)), upscale=4, val_clean=True, val_draws=2)
    assert ["lr_clean" in held_out[position] for position in range(2)] == [True, False]


def test_pairs_are_not_drawn(tmp_path: Path) -> None:
    for side, pixels in (("lr", 16), ("hr", 32)):
        (tmp_path / side).mkdir()
        Image.fromarray(np.zeros((pixels, pixels, 3), np.uint8)).save(tmp_path / side / "a.png")
    pairs = PairedPhotos(*(find_photos(tmp_path / side, option="x") for side in ("lr", "hr")), upscale=2)
    held_out = validation_set(pairs, upscale=2, gt_size=16, val_draws=4, degradation=None)
    assert len(held_out) == 1
    assert not held_out[1]["counts"]


def test_photos_beside_pairs_are_drawn_again_by_their_own_numbers(tmp_path: Path, make_photos: MakePhotos) -> None:
    for side, pixels in (("lr", 16), ("hr", 32)):
        (tmp_path / side).mkdir()
        Image.fromarray(np.zeros((pixels, pixels, 3), np.uint8)).save(tmp_path / side / "a.png")
    pairs = PairedPhotos(*(find_photos(tmp_path / side, option="x") for side in ("lr", "hr")), upscale=2)
    photos = as_source(make_photos((40, 50), (40, 50)))
    held_out = validation_set(Mixed(pairs, photos, turns=(1, 1)), upscale=2, gt_size=16, val_draws=3)
    assert [held_out.place(position) for position in range(len(held_out))] == [
        *((0, 0), (1, 0), (2, 0)),
        *((1, 1), (2, 1), (1, 2), (2, 2)),
    ]
