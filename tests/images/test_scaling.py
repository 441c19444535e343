from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from esrgan_train.images import scaling
from esrgan_train.images.scaling import resized, scaled_size

SCALES = [0.99, 0.75, 0.5, 1 / 3, 0.1]
LANCZOS = Image.Resampling.LANCZOS


def photo(height: int, width: int, dtype: Any = np.uint8) -> Any:
    top = int(np.iinfo(dtype).max)
    return np.random.default_rng(4).integers(0, top, (height, width, 3), dtype=dtype, endpoint=True)


@pytest.mark.parametrize("scale", SCALES)
def test_the_whole_is_what_pillow_makes_of_the_same_region(scale: float) -> None:
    image = photo(190, 301)
    pixel = round(1024 / scale) / 1024
    height, width = scaled_size((190, 301), scale)
    box = (0, 0, width * pixel, height * pixel)
    expected = np.asarray(Image.fromarray(image).resize((width, height), LANCZOS, box=box))  # wider than high
    assert np.array_equal(resized(image, scale), expected)
    assert 1 / pixel == pytest.approx(scale, rel=1e-3)
    assert 190 - box[3] < pixel
    assert 301 - box[2] < pixel


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("scale", [1.0, *SCALES])
def test_a_part_is_bit_for_bit_what_the_whole_has_there(scale: float, dtype: Any) -> None:
    image = photo(411, 523, dtype)
    whole = resized(image, scale)
    assert whole.dtype == dtype
    assert whole.shape == (*scaled_size((411, 523), scale), 3)
    rng = np.random.default_rng(0)
    for _ in range(20):
        part = tuple(slice(*np.sort(rng.choice(side + 1, 2, replace=False)).tolist()) for side in whole.shape[:2])
        assert np.array_equal(resized(image, scale, part), whole[part])


@pytest.mark.parametrize("scale", [0.75, 1 / 3, 0.001])
def test_a_part_far_from_the_origin_is_exact_too(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    strip = np.ascontiguousarray(photo(70_001, 3).transpose(0, 1, 2))
    whole = resized(strip, scale)
    end = whole.shape[0]
    lines = slice(end - min(end, 30), end)
    assert np.array_equal(resized(strip, scale, (lines, slice(0, whole.shape[1]))), whole[lines])
    monkeypatch.setattr(scaling, "_BLOCK", 37)
    assert np.array_equal(resized(strip, scale), whole)


def test_16_bits_are_kept_and_neither_end_wraps_round() -> None:
    image = photo(60, 60, np.uint16)
    half = resized(image, 0.5)
    eight = resized((image >> 8).astype(np.uint8), 0.5)
    inside = (eight > 3) & (eight < 252)
    assert np.abs(half / 257.0 - eight)[inside].max() < 6  # 8 bits are clipped and rounded between the passes
    assert len(np.unique(half & 255)) > 200
    edge = np.repeat(np.uint16([[[0]], [[65535]]]), 30, axis=0).repeat(60, axis=1).repeat(3, axis=2)
    assert {int(resized(edge, 0.5).min()), int(resized(edge, 0.5).max())} == {0, 65535}


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (2, 3)])
def test_a_side_shorter_than_a_pixel_of_the_result_becomes_one(size: tuple[int, int]) -> None:
    for scale in SCALES:
        assert resized(photo(*size), scale).shape[:2] == scaled_size(size, scale) >= (1, 1)


def test_at_scale_1_it_is_a_view() -> None:
    image = photo(8, 9)
    assert np.shares_memory(resized(image, 1), image)
    assert np.shares_memory(resized(image, 1.0, (slice(1, 3), slice(2, 5))), image)
