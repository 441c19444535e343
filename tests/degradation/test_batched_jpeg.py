"""JPEG of a batch against libjpeg itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from drawings import sides, windows
from torch import Tensor

from esrgan_train.degradation.batched.jpeg import BatchedJpeg
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.jpeg import compress_jpeg

REST = 3e-7  # of float32, where chroma is repeated: colours are added to luma there


def crops(count: int, rng: np.random.Generator, largest: int = 70) -> list[Image]:
    """Parts of photographs of any size from one pixel on, every third with noise beyond [0, 1]."""
    photos, parts = windows(5), []
    for number in range(count):
        height, width = rng.integers(1, largest + 1, size=2)
        y, x = rng.integers(0, 128 - largest + 1, size=2)
        part = photos[number % 5][y : y + height, x : x + width]
        noise = 0.3 * rng.standard_normal(part.shape, dtype=np.float32) if number % 3 == 0 else 0
        parts.append(np.ascontiguousarray(part + noise, dtype=np.float32))
    return parts


def compressed(images: list[Image], quality: Tensor, nearest: Tensor) -> list[Image]:
    """By the batched code, on a canvas that holds nothing of use beyond the images."""
    canvas = torch.full((len(images), 3, 73, 71), torch.nan)
    for place, image in zip(canvas, images, strict=True):
        place[:, : len(image), : image.shape[1]] = torch.from_numpy(image.transpose(2, 0, 1).copy())
    decoded = BatchedJpeg()(canvas, *sides(images), quality, nearest)
    return [
        found[:, : len(image), : image.shape[1]].permute(1, 2, 0).numpy()
        for image, found in zip(images, decoded, strict=True)
    ]


@pytest.mark.parametrize("nearest", [False, True], ids=["interpolated", "repeated"])
def test_all_qualities_of_the_recipe_are_libjpegs(nearest: bool):
    images = crops(132, np.random.default_rng(0))
    quality = torch.arange(132) % 66 + 30
    found = compressed(images, quality, torch.full((132,), nearest))
    for image, each, result in zip(images, quality.tolist(), found, strict=True):
        expected = compress_jpeg(image, each, nearest_chroma=nearest)
        if nearest:
            np.testing.assert_allclose(result, expected, rtol=0, atol=REST)
        else:
            np.testing.assert_array_equal(result, expected)


def test_every_other_quality_too():
    images = crops(100, np.random.default_rng(1), largest=24)
    quality = torch.arange(100) + 1
    found = compressed(images, quality, torch.zeros(100, dtype=torch.bool))
    for image, each, result in zip(images, quality.tolist(), found, strict=True):
        np.testing.assert_array_equal(result, compress_jpeg(image, each))


@pytest.mark.parametrize("image", [np.zeros, np.ones], ids=["black", "white"])
@pytest.mark.parametrize("pattern", ["plain", "checks", "stripes"])
def test_extreme_pictures(image, pattern):
    picture = image((32, 32, 3), dtype=np.float32)
    if pattern != "plain":
        picture[:: 2 if pattern == "checks" else 1, ::2] = 1 - picture[0, 0]
    (found,) = compressed([picture], torch.tensor([30]), torch.tensor([False]))
    np.testing.assert_array_equal(found, compress_jpeg(picture, 30))


def test_neighbours_and_the_canvas_count_for_nothing():
    images = crops(6, np.random.default_rng(2))
    quality, nearest = torch.arange(6) * 10 + 40, torch.arange(6) % 2 == 0
    together = compressed(images, quality, nearest)
    for number, image in enumerate(images):
        height, width = image.shape[:2]
        alone = BatchedJpeg()(
            torch.from_numpy(image.transpose(2, 0, 1).copy())[None],
            *sides([image]),
            quality[number : number + 1],
            nearest[number : number + 1],
        )
        np.testing.assert_array_equal(alone[0].permute(1, 2, 0).numpy(), together[number][:height, :width])
