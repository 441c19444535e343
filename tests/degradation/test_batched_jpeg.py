"""JPEG of a batch against libjpeg itself."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from drawings import on_canvas, sides, windows
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from esrgan_train.degradation.batched.jpeg import BatchedJpeg
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.jpeg import compress_jpeg
from tests.fake_cuda import fake_cuda

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


def compressed(
    images: list[Image],
    quality: Tensor,
    nearest: Tensor,
    *,
    canvas: tuple[int, int] = (73, 71),
    fill: float = torch.nan,
) -> list[Image]:
    """By the batched code, on a canvas that holds nothing of use beyond the images."""
    decoded = BatchedJpeg()(on_canvas(images, canvas, fill), *sides(images), quality, nearest)
    assert decoded.isfinite().all()  # beyond the images too: products with weights of 0 follow
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


@pytest.mark.parametrize("nearest", [False, True], ids=["interpolated", "repeated"])
def test_every_size_up_to_two_units(nearest: bool):
    photo = windows(1)[0]
    images = [photo[: 1 + place % 18, : 1 + place // 18].copy() for place in range(18 * 18)]
    count = len(images)
    found = compressed(images, torch.full((count,), 60), torch.full((count,), nearest), canvas=(18, 18))
    for image, result in zip(images, found, strict=True):
        expected = compress_jpeg(image, 60, nearest_chroma=nearest)
        np.testing.assert_allclose(result, expected, rtol=0, atol=REST if nearest else 0, err_msg=str(image.shape))


@pytest.mark.parametrize("canvas", [(1, 1), (1, 40), (40, 1), (16, 16), (16, 17), (17, 16)], ids=str)
def test_every_canvas(canvas: tuple[int, int]):
    image = np.ascontiguousarray(windows(1)[0][: canvas[0], : canvas[1]])
    found = compressed([image] * 2, torch.tensor([50, 50]), torch.tensor([False, True]), canvas=canvas)
    np.testing.assert_array_equal(found[0], compress_jpeg(image, 50))
    np.testing.assert_allclose(found[1], compress_jpeg(image, 50, nearest_chroma=True), rtol=0, atol=REST)


@pytest.mark.parametrize("colour", [(1, 1, 1), (1, 0.5, -1), (-1, 1, 0)], ids=str)
@pytest.mark.parametrize("square", [1, 2])
def test_waves_at_full_strength_ring_as_far_as_libjpegs(square: int, colour: tuple[float, ...]):
    """Sums of the transform's own waves, cut to black and white: nothing leaves 0 to 255 further."""
    rng = np.random.default_rng(0)
    waves = np.cos(np.outer(np.arange(8), 2 * np.arange(8) + 1) * np.pi / 16)
    signs = rng.choice([-1, 0, 1], (12, 12, 8, 8))
    blocks = np.einsum("yxuv,ui,vj->yixj", signs, waves, waves).reshape(96, 96) > 0
    gray = np.kron(blocks - 0.5, np.ones((square, square)))
    image = (0.5 + gray[..., None] * np.array(colour)).astype(np.float32)
    qualities = [1, 2, 5, 10, 20, 30]
    canvas = (len(image), len(image))
    found = compressed([image] * 6, torch.tensor(qualities), torch.zeros(6, dtype=torch.bool), canvas=canvas)
    for quality, result in zip(qualities, found, strict=True):
        np.testing.assert_array_equal(result, compress_jpeg(image, quality))


def test_levels_round_as_the_workers_do():
    halves = (np.arange(255, dtype=np.float32) + np.float32(0.5)) / np.float32(255)
    near = np.stack([np.nextafter(halves, np.float32(side)) for side in (0, 1)])
    image = np.concatenate([halves[None], near, -near, 1 + near]).repeat(2, axis=0)[..., None].repeat(3, axis=2)
    canvas = image.shape[:2]
    (found,) = compressed([image], torch.tensor([100]), torch.tensor([False]), canvas=canvas)
    np.testing.assert_array_equal(found, compress_jpeg(image, 100))


@pytest.mark.parametrize("image", [np.zeros, np.ones], ids=["black", "white"])
@pytest.mark.parametrize("pattern", ["plain", "checks", "stripes"])
def test_extreme_pictures(image, pattern):
    picture = image((32, 32, 3), dtype=np.float32)
    if pattern != "plain":
        picture[:: 2 if pattern == "checks" else 1, ::2] = 1 - picture[0, 0]
    (found,) = compressed([picture], torch.tensor([30]), torch.tensor([False]))
    np.testing.assert_array_equal(found, compress_jpeg(picture, 30))


@pytest.mark.parametrize("fill", [torch.nan, torch.inf, -torch.inf, 0.5], ids=str)
def test_neighbours_and_the_canvas_count_for_nothing(fill: float):
    images = crops(6, np.random.default_rng(2))
    quality, nearest = torch.arange(6) * 10 + 40, torch.arange(6) % 2 == 0
    together = compressed(images, quality, nearest, fill=fill)
    for number, image in enumerate(images):
        one = slice(number, number + 1)
        (alone,) = compressed([image], quality[one], nearest[one], canvas=image.shape[:2])
        np.testing.assert_array_equal(alone, together[number])


class Kernels(TorchDispatchMode):
    """Counts what would start a kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not func.is_view:
            self.found[str(func)] += 1
        return func(*args, **(kwargs or {}))


def test_the_number_of_kernels_depends_on_nothing():
    jpeg, found = BatchedJpeg(), []
    for batch, canvas, lowest in ((1, (16, 16), 1), (5, (90, 75), 30), (40, (33, 120), 95)):
        quality, nearest = torch.arange(batch) % 5 + lowest, torch.arange(batch) % 2 == 0
        numbers = torch.rand(batch, 3, *canvas), torch.arange(batch) % 16 + 1, torch.arange(batch) % 13 + 1
        with Kernels() as kernels:
            jpeg(*numbers, quality, nearest)
        found.append(kernels.found)
    assert found[0] == found[1] == found[2]
    assert found[0].total() < 160


def test_nothing_waits_for_the_device():
    with fake_cuda() as copies:
        sizes = torch.full((4,), 30)
        jpeg = BatchedJpeg()
        result = jpeg(torch.rand(4, 3, 40, 50), sizes, sizes, sizes, torch.zeros(4, dtype=torch.bool))
        assert result.device.type == "cuda"
        assert result.shape == (4, 3, 40, 50)
    assert copies.found == []
