from __future__ import annotations

import numpy as np
import pytest
from skimage.morphology import disk, erosion

from esrgan_train.degradation.steps.thicken import Thickening


def line(width, side=40):
    """A soft upright black line on white."""
    image = np.ones((side, side, 3), dtype=np.float32)
    whole = int(width)
    image[:, 15 : 15 + whole] = 0
    image[:, 15 + whole] = 1 - (width - whole)
    return image


def ink(image):
    """Pixels of black a row."""
    return float((1 - image).sum() / (3 * len(image)))


@pytest.mark.parametrize("width", [3.0, 4.4, 7.0])
@pytest.mark.parametrize("growth", [-2.0, -1.0, -0.3, 0.0, 0.5, 1.0, 2.0, 3.5])
def test_lines_grow_by_that_many_pixels(width, growth):
    image = line(width)
    np.testing.assert_allclose(ink(Thickening(growth).render(image)) - ink(image), growth, atol=0.01)


def test_whole_radii_are_morphology():
    gray = np.random.default_rng(0).integers(256, size=(30, 40)).astype(np.uint8)
    image = np.repeat(gray[..., None], 3, -1).astype(np.float32) / 255
    for radius in (1, 2, 3):
        inner = np.s_[radius:-radius, radius:-radius]
        axis = np.arange(-radius, radius + 1)
        round_disc = axis**2 + axis[:, None] ** 2 <= radius * (radius + 0.5)
        expected = erosion(gray, round_disc.astype(np.uint8))
        np.testing.assert_array_equal(
            np.rint(Thickening(2.0 * radius).render(image)[..., 1] * 255)[inner], expected[inner]
        )
    np.testing.assert_array_equal(disk(1), [[0, 1, 0], [1, 1, 1], [0, 1, 0]])


def test_lines_keep_their_colours():
    image = np.ones((20, 20, 3), dtype=np.float32) * np.float32([1.0, 0.9, 0.2])
    image[:, 9:11] = np.float32([0.1, 0.2, 0.8])
    made = Thickening(2.0).render(image)
    colours = np.unique(np.rint(made * 255).reshape(-1, 3), axis=0)
    assert len(colours) == 2  # no third colour of both
    assert np.count_nonzero(made[0, :, 2] > 0.5) == 4


def test_nothing_grows_nothing_changes():
    image = (np.random.default_rng(1).integers(256, size=(9, 11, 3)) / 255).astype(np.float32)
    np.testing.assert_allclose(Thickening(0.0).render(image), image, atol=1e-7)
