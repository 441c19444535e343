from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from esrgan_train.degradation.drawing import RESIZE_MODES
from esrgan_train.degradation.resize import resize

SIZES = [(1, 1), (7, 5), (24, 30), (48, 20), (47, 60), (48, 60), (53, 71), (72, 61), (96, 120)]


@pytest.mark.parametrize("mode", RESIZE_MODES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", [(48, 60), (61, 37), (3, 5), (1, 1)])
def test_equals_torch(mode, size, shape):
    image = np.random.default_rng(0).random((*shape, 3), dtype=np.float32)
    expected = F.interpolate(torch.from_numpy(image).permute(2, 0, 1)[None], size=size, mode=mode)
    result = resize(image, *size, mode)
    assert result.shape == (*size, 3)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected[0].permute(1, 2, 0).numpy(), atol=1e-5)


@pytest.mark.parametrize("mode", RESIZE_MODES)
def test_equals_torch_on_a_large_image(mode):
    image = np.random.default_rng(0).random((400, 640, 3), dtype=np.float32)
    # In double precision: on large images torch's float32 coordinates are good to 5e-5 only.
    batch = torch.from_numpy(image).permute(2, 0, 1)[None].double()
    for size in [(61, 97), (200, 320), (399, 641), (599, 959)]:
        expected = F.interpolate(batch, size=size, mode=mode)[0].permute(1, 2, 0).numpy()
        np.testing.assert_allclose(resize(image, *size, mode), expected, atol=1e-6)


@pytest.mark.parametrize("mode", RESIZE_MODES)
def test_same_size_is_the_image_itself_and_nothing_is_changed(mode):
    image = np.random.default_rng(0).random((20, 30, 3), dtype=np.float32)
    before = image.copy()
    assert resize(image, 20, 30, mode) is image
    resize(image, 13, 41, mode)
    np.testing.assert_array_equal(image, before)
