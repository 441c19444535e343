from __future__ import annotations

import numpy as np
import pytest
import torch
from basicsr.utils import USMSharp
from basicsr.utils.img_process_util import usm_sharp
from lr_statistics import photographs

from esrgan_train.degradation import usm_sharpen


@pytest.mark.parametrize("index", [0, 1, 2])
def test_equals_both_published_versions(index):
    hr = np.ascontiguousarray(photographs()[index][100:260, 150:350])
    sharp = usm_sharpen(hr)
    assert np.abs(sharp - hr).max() > 0.05
    np.testing.assert_allclose(sharp, usm_sharp(hr), atol=1e-4)
    tensor = USMSharp()(torch.from_numpy(hr).permute(2, 0, 1)[None])
    # A residual that is the threshold to the last bit may fall on either side, with an effect of 1e-4.
    np.testing.assert_allclose(sharp, tensor[0].permute(1, 2, 0).numpy(), atol=3e-4)


def test_flat_areas_and_the_input_stay():
    hr = (0.5 + 0.005 * np.random.default_rng(0).standard_normal((64, 80, 3))).astype(np.float32)
    before = hr.copy()
    np.testing.assert_allclose(usm_sharpen(hr), hr, atol=1e-7)
    np.testing.assert_array_equal(hr, before)


@pytest.mark.parametrize("shape", [(1, 1), (8, 20), (64, 30)])
def test_images_smaller_than_the_kernel(shape):
    hr = np.random.default_rng(0).random((*shape, 3), dtype=np.float32)
    sharp = usm_sharpen(hr)
    np.testing.assert_allclose(sharp, usm_sharp(hr), atol=1e-4)
    assert 0 <= sharp.min() <= sharp.max() <= 1
