from __future__ import annotations

import io
from collections import Counter

import cv2
import numpy as np
import pytest
import torch
from basicsr.utils import DiffJPEG
from lr_statistics import blockiness, crop
from PIL import Image
from scipy.stats import chisquare

from esrgan_train.degradation import stage
from esrgan_train.degradation.jpeg import compress_jpeg


def pillow_jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    levels = np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)
    Image.fromarray(levels).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    return np.asarray(Image.open(file), dtype=np.float32) / 255


@pytest.mark.parametrize("quality", [1, 30, 49, 50, 75, 95, 100])
@pytest.mark.parametrize("shape", [(64, 64), (37, 51), (1, 1)])
def test_equals_pillow(quality, shape):
    image = crop(1, 64)[: shape[0], : shape[1]]
    difference = np.abs(compress_jpeg(image, quality) - pillow_jpeg(image, quality)) * 255
    assert difference.max() <= 2.5  # two builds of libjpeg may round differently, by a level or two
    assert difference.mean() < 0.05


@pytest.mark.parametrize("quality", [30, 60, 95])
def test_repeated_chroma_is_that_of_the_published_code(quality):
    def chroma_detail(image: np.ndarray) -> float:
        chroma = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)[..., 1:]
        return float((chroma - cv2.blur(chroma, (3, 3))).std())

    # Sides of multiples of 16, so that the published code pads nothing; values that need no clamping.
    image = (0.2 + 0.6 * crop(0, 128) + np.random.default_rng(0).normal(0, 0.03, (128, 128, 3))).astype(np.float32)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None].contiguous()
    with torch.no_grad():
        theirs = DiffJPEG(differentiable=False)(batch, quality=float(quality))[0].permute(1, 2, 0).numpy()
    repeated = compress_jpeg(image, quality, nearest_chroma=True)
    interpolated = compress_jpeg(image, quality)
    assert chroma_detail(repeated) == pytest.approx(chroma_detail(np.ascontiguousarray(theirs)), rel=0.1)
    assert chroma_detail(interpolated) < 0.7 * chroma_detail(repeated)
    assert np.square(repeated - theirs).mean() < np.square(interpolated - theirs).mean()


@pytest.mark.parametrize("shape", [(1, 1), (37, 51), (64, 48)])
def test_repeated_chroma_leaves_luma_and_shape(shape):
    image = (0.3 + 0.4 * crop(0, 64))[: shape[0], : shape[1]]
    repeated, interpolated = (compress_jpeg(image, 90, nearest_chroma=nearest) for nearest in (True, False))
    assert repeated.shape == image.shape
    weights = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(repeated @ weights, interpolated @ weights, atol=0.002)
    # Less its luma, a colour is the same all over each 2 × 2 square.
    chroma = (repeated - (repeated @ weights)[..., None])[: shape[0] // 2 * 2, : shape[1] // 2 * 2]
    np.testing.assert_allclose(chroma[::2], chroma[1::2], atol=1e-5)
    np.testing.assert_allclose(chroma[:, ::2], chroma[:, 1::2], atol=1e-5)


def test_values_outside_are_clamped_and_the_image_is_not_changed():
    image = crop(0, 64) * 1.5 - 0.2
    before = image.copy()
    np.testing.assert_array_equal(compress_jpeg(image, 80), compress_jpeg(np.clip(image, 0, 1), 80))
    np.testing.assert_array_equal(image, before)


def test_edges_of_partial_blocks_are_as_good_as_the_rest():
    image = crop(2, 100)  # 100 is no multiple of 16; black padding would ring into the last columns
    error = np.square(compress_jpeg(image, 60) - image).mean((0, 2))
    assert error[-4:].mean() < 2 * error.mean()


def test_lower_quality_shows_more_blocks():
    luma = crop(1, 128).mean(2)
    seen = [blockiness(compress_jpeg(luma[..., None].repeat(3, 2), quality)[..., 0]) for quality in (95, 30, 10)]
    assert seen[0] < seen[1] < seen[2]


def test_quality_is_uniform_with_both_ends():
    rng = np.random.default_rng(0)
    counts = Counter(stage.FIRST_STAGE.draw_jpeg(rng).quality for _ in range(20_000))
    assert sorted(counts) == list(range(30, 96))
    assert chisquare(list(counts.values())).pvalue > 1e-3
