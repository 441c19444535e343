from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from esrgan_train.degradation.motion import draw_motion, moved

NOISE = np.random.default_rng(0).random((24, 30, 3), dtype=np.float32)


def test_no_motion_changes_nothing():
    np.testing.assert_array_equal(moved(NOISE, (0.0, 0.0)), NOISE)


@pytest.mark.parametrize("shift", [(3, -7), (-40, 2), (1, 100)])
def test_whole_pixels_are_copied_and_continued_by_reflection(shift: tuple[int, int]):
    places = np.mgrid[:24, :30] - np.array(shift)[:, None, None]
    expected = np.dstack(
        [map_coordinates(channel, places, order=0, mode="reflect") for channel in np.rollaxis(NOISE, 2)]
    )
    np.testing.assert_array_equal(moved(NOISE, (float(shift[0]), float(shift[1]))), expected)


def test_a_smooth_picture_moves_down_and_to_the_right():
    def wave(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        return np.dstack([np.sin(rows / 9) + np.cos(columns / 7)] * 3).astype(np.float32)

    rows, columns = np.mgrid[:64, :64]
    inside = slice(5, -5)
    result = moved(wave(rows, columns), (1.3, -2.6))
    np.testing.assert_allclose(result[inside, inside], wave(rows - 1.3, columns + 2.6)[inside, inside], atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 1)])
def test_small_pictures_move_far(shape: tuple[int, int]):
    image = np.full((*shape, 3), 0.25, dtype=np.float32)
    np.testing.assert_allclose(moved(image, (100.3, -64.9)), image, atol=1e-6)


def test_speeds_are_within_their_range_in_all_directions():
    rng = np.random.default_rng(0)
    motions = np.array([draw_motion((1.0, 3.0), rng) for _ in range(400)])
    speeds = np.hypot(*motions.T)
    assert 1 <= speeds.min() < 1.1
    assert 2.9 < speeds.max() <= 3
    assert np.abs(motions.mean(0)).max() < 0.3
