from __future__ import annotations

import numpy as np
import pytest
from basicsr.utils.matlab_functions import imresize
from lr_statistics import photographs

from esrgan_train.degradation import BicubicDegradation

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("upscale", [2, 3, 4, 5])
def test_equals_matlab_to_one_level(upscale):
    hr = np.ascontiguousarray(photographs()[0][: 30 * upscale, 200 : 200 + 24 * upscale])
    expected = np.clip(imresize(hr, 1 / upscale), 0, 1)
    lr = BicubicDegradation(upscale=upscale)(hr, RNG)
    assert lr.shape == (30, 24, 3)
    assert lr.dtype == np.float32
    assert np.abs(lr - expected).max() < 0.51 / 255  # rounding to 8 bits is half a level


def test_factor_one_only_rounds():
    hr = np.random.default_rng(0).random((9, 7, 3), dtype=np.float32)
    np.testing.assert_allclose(BicubicDegradation(upscale=1)(hr, RNG), np.rint(hr * 255) / 255, atol=1e-6)


@pytest.mark.parametrize("upscale", [0, -1, 2.0, "4"])
def test_bad_factor(upscale):
    with pytest.raises(ValueError, match=f"upscale={upscale}: give a whole number from 1 on"):
        BicubicDegradation(upscale=upscale)


def test_sides_that_do_not_fit():
    with pytest.raises(ValueError, match="hr is 10×8 pixels; crop it to multiples of upscale=4, such as 8×8"):
        BicubicDegradation(upscale=4)(np.zeros((8, 10, 3), dtype=np.float32), RNG)
