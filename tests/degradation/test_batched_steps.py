"""Each step of the batched renderer against the same on the CPU, image by image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from drawings import on_canvas, sides, tensors, windows

from esrgan_train.degradation import usm_sharpen
from esrgan_train.degradation.batched.blur import blur_batch
from esrgan_train.degradation.batched.resize import resize_batch
from esrgan_train.degradation.batched.usm import usm_sharpen_batch
from esrgan_train.degradation.blur import blur
from esrgan_train.degradation.drawing import RESIZE_MODES
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.kernel_choice import KernelChoice, draw_kernel
from esrgan_train.degradation.resize import resize
from esrgan_train.degradation.usm import THRESHOLD

CHOICES = {
    "any": {},
    "ringing": {"sinc_prob": 1.0},
    "widest": {"size": (21, 21)},
    "plateaus": {"plateau_aniso_odds": 1e6},
}
SIZES = [(64, 64), (1, 1), (7, 40), (33, 2), (64, 1), (17, 63)]  # smaller than a kernel too


def cuts(sizes: list[tuple[int, int]]) -> list[Image]:
    photos = windows(len(sizes))
    return [photo[:height, :width].copy() for photo, (height, width) in zip(photos, sizes, strict=True)]


@pytest.mark.parametrize("name", CHOICES)
def test_blur(name: str):
    choice = KernelChoice(**{"sigma": (0.2, 3.0), **CHOICES[name]})
    images = cuts(SIZES)
    kernels = [draw_kernel(np.random.default_rng(number), choice) for number in range(len(images))]
    largest = torch.zeros(len(kernels), 21, 21)
    for place, kernel in zip(largest, kernels, strict=True):
        margin = (21 - len(kernel)) // 2
        place[margin : 21 - margin, margin : 21 - margin] = torch.from_numpy(kernel)
    blurred = blur_batch(on_canvas(images, (64, 64)), *sides(images), largest)
    for image, kernel, found in zip(images, kernels, blurred, strict=True):
        height, width = image.shape[:2]
        expected = tensors([blur(image, kernel)])[0]
        torch.testing.assert_close(found[:, :height, :width], expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize("mode", RESIZE_MODES)
@pytest.mark.parametrize(
    "after", [(64, 64), (96, 96), (31, 90), (5, 7), (1, 1), (40, 3), (63, 65), (128, 32)], ids=str
)
def test_resize(mode: str, after: tuple[int, int]):
    images = cuts(SIZES)
    results = torch.tensor([after[0]] * len(images)), torch.tensor([after[1]] * len(images))
    modes = torch.full((len(images),), RESIZE_MODES.index(mode))
    found = resize_batch(on_canvas(images, (64, 64)), sides(images), results, modes, (130, 120))
    assert not found[:, :, after[0] :].any()
    assert not found[:, :, :, after[1] :].any()
    for image, canvas in zip(images, found, strict=True):
        expected = tensors([resize(image, *after, mode)])[0]  # type: ignore[arg-type]
        torch.testing.assert_close(canvas[:, : after[0], : after[1]], expected, rtol=0, atol=1e-5)


def test_an_image_that_keeps_its_size_stays_bit_for_bit():
    images = cuts(SIZES)
    for mode in range(len(RESIZE_MODES)):
        modes = torch.full((len(images),), mode)
        found = resize_batch(on_canvas(images, (64, 64)), sides(images), sides(images), modes, (70, 64))
        for image, canvas in zip(images, found, strict=True):
            assert torch.equal(canvas[:, : len(image), : image.shape[1]], tensors([image])[0])


@pytest.mark.parametrize("side", [128, 64, 20, 2])
def test_sharpening(side: int):
    images = [photo[:side, :side].copy() for photo in windows(5)]
    expected = tensors([usm_sharpen(image) for image in images])
    difference = (usm_sharpen_batch(tensors(images)) - expected).abs()
    # Where a residual meets the threshold to the last digit, one mask has a pixel that the other has not, which
    # weighs at most the middle of the Gaussian.
    assert difference.max() < 1 / (2 * np.pi * 8**2) * 4
    assert (difference < 2e-6).float().mean() > 0.95
    assert pytest.approx(10 / 255) == THRESHOLD
