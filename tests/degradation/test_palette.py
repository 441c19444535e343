from __future__ import annotations

import numpy as np
import pytest
from lr_statistics import photographs

from esrgan_train.degradation.chain import Canvas
from esrgan_train.degradation.steps.palette import DITHERINGS, METHODS, Indexed, ReduceColours


@pytest.fixture(scope="module")
def image():
    return np.ascontiguousarray(photographs()[0][60:140, 150:250])


def count(image):
    return len(np.unique(np.rint(image * 255).astype(np.uint8).reshape(-1, 3), axis=0))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dithering", DITHERINGS)
@pytest.mark.parametrize("colours", [2, 16, 256])
def test_no_more_colours(image, method, dithering, colours):
    made = Indexed(colours, method, dithering, 16.0).render(image)
    assert count(made) <= colours
    assert count(made) > 1
    np.testing.assert_array_equal(made, (np.rint(made * 255) / 255).astype(np.float32))


@pytest.mark.parametrize("method", METHODS)
def test_more_colours_are_nearer(image, method):
    errors = [np.abs(Indexed(n, method, "none").render(image) - image).mean() for n in (4, 32, 256)]
    assert errors[0] > 1.5 * errors[1] > 2 * errors[2]


def test_few_colours_stay_as_they_are():
    drawn = np.random.default_rng(0).integers(5, size=(30, 40))
    colours = np.float32([[0, 0, 0], [255, 255, 255], [200, 30, 40], [20, 200, 90], [30, 60, 220]]) / 255
    for method in METHODS:
        np.testing.assert_allclose(Indexed(16, method, "none").render(colours[drawn]), colours[drawn], atol=2e-2)


def test_dithering_keeps_the_tone_of_a_ramp_better():
    ramp = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None, :, None], 3, -1).repeat(32, 0)
    blocks = {
        dithering: Indexed(6, "median_cut", dithering, 48.0).render(ramp).reshape(32, 16, 16, 3).mean((0, 2))
        for dithering in DITHERINGS
    }
    wanted = ramp.reshape(32, 16, 16, 3).mean((0, 2))
    errors = {name: np.abs(made - wanted)[2:-2].mean() for name, made in blocks.items()}
    assert errors["floyd_steinberg"] < 0.5 * errors["none"]
    assert errors["bayer8"] < 0.8 * errors["none"]


def test_sizes_of_the_range_are_drawn():
    choice = ReduceColours(colours=(2, 5))
    drawn = {choice.draw(Canvas((9, 9), (9, 9)), np.random.default_rng(seed)).colours for seed in range(100)}
    assert drawn == {2, 3, 4, 5}
