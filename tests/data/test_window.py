from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from esrgan_train.data.sources import Decoded
from esrgan_train.data.window import Window, choose_scale, cut_window
from esrgan_train.images.scaling import resized


def photo(height: int, width: int, dtype: Any = np.uint8) -> Any:
    top = int(np.iinfo(dtype).max)
    return np.random.default_rng(4).integers(0, top, (height, width, 3), dtype=dtype, endpoint=True)


@pytest.mark.parametrize("upscale", [1, 2, 3, 4, 5])
def test_crop_stays_away_from_the_edge_and_starts_at_every_phase_of_jpeg(upscale: int) -> None:
    window = Window(120, upscale)
    assert window.side % upscale == 0
    rng = np.random.default_rng(0)
    corners = np.array([window.draw_corner(rng) for _ in range(2000)])
    assert corners.min() * upscale >= 16
    assert (corners.max() * upscale + 120) + 16 <= window.side
    assert {tuple(phase) for phase in corners % 8} == {(y, x) for y in range(8) for x in range(8)}
    assert set(corners[:, 0] % 16) == set(range(16))


def test_lr_and_hr_crops_show_the_same_place() -> None:
    window = Window(24, 3)
    lr = photo(window.side // 3, window.side // 3).astype(np.float32)
    hr = lr.repeat(3, axis=0).repeat(3, axis=1)
    corner = window.draw_corner(np.random.default_rng(1))
    small, large = window.crop(lr, corner, upscale=1), window.crop(hr, corner, upscale=3)
    assert small.shape == (8, 8, 3)
    assert np.array_equal(large, small.repeat(3, axis=0).repeat(3, axis=1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_at_scale_1_a_window_is_a_part_of_the_photo_and_every_place_occurs(dtype: Any) -> None:
    image = photo(8, 9, dtype)
    rng = np.random.default_rng(0)
    places = {}
    for y in range(3):
        for x in range(4):
            places[image[y : y + 6, x : x + 6].tobytes()] = (y, x)
    found = set()
    for _ in range(300):
        window = cut_window(Decoded(image), 6, 1.0, rng)
        assert window.dtype == dtype
        found.add(places[window.tobytes()])
    assert found == set(places.values())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("scale", [0.75, 0.5, 1 / 3])
def test_a_window_is_a_part_of_the_resized_photo_which_may_be_stored(scale: float, dtype: Any) -> None:
    image = photo(90, 121, dtype)
    whole = resized(image, scale)
    places = np.lib.stride_tricks.sliding_window_view(whole, (20, 20, 3))[:, :, 0]
    for seed in range(20):
        window = cut_window(Decoded(image), 20, scale, np.random.default_rng(seed))
        rng = np.random.default_rng(seed)
        y, x = (-int(rng.integers(20 - side, 1)) for side in whole.shape[:2])
        assert np.array_equal(window, places[y, x])
        stored = Decoded(np.zeros_like(image), scaled={scale: whole})
        assert np.array_equal(window, cut_window(stored, 20, scale, np.random.default_rng(seed)))


def test_no_more_of_a_photo_is_read_than_a_window_needs() -> None:
    image = np.broadcast_to(np.uint8([[[1, 2, 3]]]), (100_000, 100_000, 3))  # a copy of it would take 28 GiB
    for scale in (1.0, 0.75, 0.5, 1 / 3, 0.01):
        window = cut_window(Decoded(image), 50, scale, np.random.default_rng(0))
        assert (window == np.uint8([1, 2, 3])).all()


@pytest.mark.parametrize("size", [(5, 3), (1, 1), (1, 50), (40, 7), (31, 33)])
def test_a_small_photo_is_reflected(size: tuple[int, int]) -> None:
    image = photo(*size)
    windows = [cut_window(Decoded(image), 32, 1.0, np.random.default_rng(seed)) for seed in range(30)]
    assert len({window.tobytes() for window in windows}) > 1 or size == (1, 1)
    for window in windows:
        assert window.shape == (32, 32, 3)
    lines = np.arange(-64, 64)
    # np.pad's reflection, written as a position: a triangle wave over the photo's rows.
    row, column = (np.abs((lines + s - 1) % max(1, 2 * s - 2) - (s - 1)) for s in size)
    plane = image[row[:, None], column[None, :]]
    places = np.lib.stride_tricks.sliding_window_view(plane, (32, 32, 3))[:, :, 0]
    for window in windows[:5]:
        candidates = np.argwhere((places[:, :, 0, 0] == window[0, 0]).all(axis=-1))
        assert any(np.array_equal(places[y, x], window) for y, x in candidates)


def test_scales_have_odds_by_area_and_must_hold_the_window() -> None:
    rng = np.random.default_rng(0)
    drawn = [choose_scale((100, 200), 50, [1, 0.75, 0.5, 1 / 3], rng) for _ in range(6000)]
    total = 1 + 0.75**2 + 0.5**2
    for scale in (1, 0.75, 0.5):
        assert drawn.count(scale) / len(drawn) == pytest.approx(scale**2 / total, abs=0.02)
    assert 1 / 3 not in drawn  # 33 pixels hold no window of 50
    assert {choose_scale((20, 20), 50, [0.5, 0.75], rng) for _ in range(10)} == {1.0}
