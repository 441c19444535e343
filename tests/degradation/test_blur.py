from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from basicsr.utils.img_process_util import filter2D

from esrgan_train.degradation.blur import blur, trim
from esrgan_train.degradation.kernels import circular_lowpass_kernel, gaussian_kernel, plateau_kernel

KERNELS = {
    "nearly nothing": gaussian_kernel(21, sigma_x=0.2, sigma_y=0.2),
    "separable": gaussian_kernel(21, sigma_x=3, sigma_y=3),
    "axis-aligned": gaussian_kernel(15, sigma_x=3, sigma_y=0.5, angle=math.pi / 2),
    "turned": gaussian_kernel(21, sigma_x=3, sigma_y=0.7, angle=0.6),
    "small": plateau_kernel(7, sigma_x=1, sigma_y=2, angle=-1, beta=1.5),
    "ringing": circular_lowpass_kernel(21, cutoff=math.pi / 5),
    "ringing, small": circular_lowpass_kernel(9, cutoff=math.pi),
}


@pytest.mark.parametrize("name", KERNELS)
def test_equals_the_published_filter_with_the_padded_kernel(name):
    image = np.random.default_rng(0).random((60, 45, 3), dtype=np.float32)
    kernel = np.pad(KERNELS[name], (21 - len(KERNELS[name])) // 2)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None].contiguous().double()
    expected = filter2D(batch, torch.from_numpy(kernel)[None])[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(blur(image, KERNELS[name]), expected, atol=1e-5)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("shape", [(1, 1), (4, 7), (9, 2)])
def test_images_smaller_than_the_kernel_are_mirrored_repeatedly(name, shape):
    image = np.random.default_rng(1).random((*shape, 3), dtype=np.float32)
    kernel = KERNELS[name]
    radius = len(kernel) // 2
    padded = np.pad(image, ((radius, radius), (radius, radius), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape, axis=(0, 1))
    np.testing.assert_allclose(blur(image, kernel), np.einsum("hwcij,ij->hwc", windows, kernel), atol=1e-5)


def test_image_is_not_changed_and_constants_stay():
    image = np.full((20, 30, 3), 0.7, dtype=np.float32)
    for kernel in KERNELS.values():
        blurred = blur(image, kernel)
        assert not np.shares_memory(blurred, image)
        np.testing.assert_allclose(blurred, 0.7, atol=1e-5)
    assert np.all(image == np.float32(0.7))


def test_trimming_drops_only_negligible_rings():
    assert len(trim(KERNELS["nearly nothing"])) == 3
    for kernel in KERNELS.values():
        assert kernel.sum() - trim(kernel).sum() < 1e-6
    assert trim(KERNELS["ringing"]) is not None
    assert trim(KERNELS["ringing"]).shape == (21, 21)
