from __future__ import annotations

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from skimage.color import rgb2ycbcr

from esrgan_train.degradation.yuv import MATRICES, from_yuv, to_yuv

COLOURS = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
IMAGE = (COLOURS / 255).astype(np.float32)


def swscale(matrix: str, *, full_range: bool) -> np.ndarray:
    frame = av.VideoFrame.from_ndarray(COLOURS, format="rgb24").reformat(
        format="yuv444p",
        dst_colorspace={"bt601": Colorspace.ITU601, "bt709": Colorspace.ITU709}[matrix],
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.JPEG if full_range else ColorRange.MPEG,
        interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT,
    )
    return np.moveaxis(frame.to_ndarray(channel_last=False), 0, -1)


def test_equals_scikit_image():
    np.testing.assert_allclose(to_yuv(IMAGE, "bt601", full_range=False), rgb2ycbcr(IMAGE), atol=2e-3)


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
def test_equals_swscale_to_its_rounding(matrix: str, full_range: bool):
    difference = np.abs(to_yuv(IMAGE, matrix, full_range=full_range) - swscale(matrix, full_range=full_range))
    # It computes in whole numbers, and full range by widening limited range; rounding alone makes 0.25 on average.
    assert difference.max() < (1.2 if full_range else 1.05)
    assert difference.mean() < (0.45 if full_range else 0.35)


def test_full_range_equals_opencv():
    luma, red, blue = np.rollaxis(cv2.cvtColor(IMAGE, cv2.COLOR_RGB2YCrCb), 2)
    theirs = np.dstack([luma * 255, (blue - 0.5) * 255 + 128, (red - 0.5) * 255 + 128])
    np.testing.assert_allclose(to_yuv(IMAGE, "bt601", full_range=True), theirs, atol=0.15)  # factors of 3 digits


@pytest.mark.parametrize("matrix", MATRICES)
def test_known_levels(matrix: str):
    gray = np.array([[[0, 0, 0], [0.5, 0.5, 0.5], [1, 1, 1]]], dtype=np.float32)
    limited, full = (to_yuv(gray, matrix, full_range=full)[0] for full in (False, True))
    np.testing.assert_allclose(limited, [[16, 128, 128], [125.5, 128, 128], [235, 128, 128]], atol=1e-4)
    np.testing.assert_allclose(full, [[0, 128, 128], [127.5, 128, 128], [255, 128, 128]], atol=1e-4)


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", MATRICES)
def test_there_and_back(matrix: str, full_range: bool):
    back = from_yuv(to_yuv(IMAGE, matrix, full_range=full_range), matrix, full_range=full_range)
    np.testing.assert_allclose(back, IMAGE, atol=1e-5)


def test_values_outside_count_as_black_and_white():
    beyond = np.array([[[-0.5, -0.5, -0.5], [1.5, 1.5, 1.5]]], dtype=np.float32)
    np.testing.assert_allclose(to_yuv(beyond, "bt709", full_range=True)[0, :, 0], [0, 255], atol=1e-4)
    assert from_yuv(np.array([[[300, 128, 128]]], np.float32), "bt709", full_range=True).max() == 1
