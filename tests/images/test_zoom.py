from __future__ import annotations

import cv2
import numpy as np
import pytest

from esrgan_train.images.zoom import at_same_place, repeated


def test_each_pixel_becomes_a_square() -> None:
    image = np.arange(12).reshape(2, 2, 3)
    assert np.array_equal(repeated(image, 3), np.kron(image, np.ones((3, 3, 1), int)))


@pytest.mark.parametrize("size", [(5, 7), (20, 28), (13, 40), (1, 1)])
def test_a_picture_of_any_size_shows_the_same_place(size: tuple[int, int]) -> None:
    grid, times = (5, 7), 8
    image = np.random.default_rng(0).random((*size, 3), dtype=np.float32)
    part = slice(1, 4), slice(2, 6)
    whole = cv2.resize(image, (7 * times, 5 * times), interpolation=cv2.INTER_NEAREST_EXACT)
    assert np.array_equal(at_same_place(image, part, grid, times), whole[8:32, 16:48])
