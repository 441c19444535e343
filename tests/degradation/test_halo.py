from __future__ import annotations

import numpy as np
import pytest
from lr_statistics import photographs
from scipy.ndimage import gaussian_filter
from skimage.filters import unsharp_mask

from esrgan_train.degradation.steps.halo import Halo


def edge(height=24, width=64):
    image = np.full((height, width, 3), 0.3, dtype=np.float32)
    image[:, width // 2 :] = 0.7
    return image


@pytest.mark.parametrize("radius", [0.5, 1.4, 2.5])
@pytest.mark.parametrize("amount", [0.4, 2.0])
def test_is_unsharp_masking(radius, amount):
    image = np.ascontiguousarray(photographs()[0][100:160, 150:230])
    made = Halo(amount, radius, ringing=False, luma=False, horizontal=False).render(image)
    for channel in range(3):
        padded = np.pad(image[..., channel], 16, "reflect")
        expected = unsharp_mask(padded, radius, amount)[16:-16, 16:-16]
        np.testing.assert_allclose(made[..., channel], expected, atol=2e-3)


def test_luma_alone_keeps_the_differences_between_channels():
    image = 0.3 + 0.4 * np.ascontiguousarray(photographs()[0][100:160, 150:230])
    made = Halo(0.5, 1.0, ringing=False, luma=True, horizontal=False).render(image)
    luma = image @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    added = 0.5 * (luma - gaussian_filter(luma, 1.0, mode="mirror"))
    np.testing.assert_allclose(made, np.clip(image + added[..., None], 0, 1), atol=1e-3)


def test_ringing_swings_more_than_once():
    plain, ringing = (
        Halo(1.0, 1.5, ringing=each, luma=True, horizontal=False).render(edge())[12, 32:62, 0] - 0.7
        for each in (False, True)
    )
    swings = [np.count_nonzero(np.diff(np.sign(each[np.abs(each) > 1e-3]))) for each in (plain, ringing)]
    assert swings[0] == 0
    assert swings[1] >= 2


def test_horizontal_leaves_horizontal_edges():
    image = edge()
    step = Halo(1.0, 1.5, ringing=False, luma=True, horizontal=True)
    upright = np.ascontiguousarray(image.transpose(1, 0, 2))
    np.testing.assert_allclose(step.render(upright), upright, atol=1e-5)
    assert np.abs(step.render(image) - image).max() > 0.1
