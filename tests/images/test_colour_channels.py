"""Luma and gray, against OpenCV and known values."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import skimage.data
import torch

from esrgan_train.degradation.batched.luma import luma as batched_luma
from esrgan_train.images.colour import as_gray, channels_of, luma
from esrgan_train.images.decode import to_float


def test_luma_of_the_primaries_is_bt601_in_full_range():
    assert luma(*np.eye(3, dtype=np.float32)) == pytest.approx([0.299, 0.587, 0.114], abs=1e-7)
    assert luma(1.0, 1.0, 1.0) == 1.0


def test_luma_equals_opencvs_and_the_renderers():
    photo = to_float(skimage.data.astronaut()[:50, :70])
    expected = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    assert np.allclose(luma(*np.moveaxis(photo, 2, 0)), expected, atol=1e-6)
    planes = torch.from_numpy(photo).permute(2, 0, 1)[None]
    assert torch.allclose(luma(*planes.chunk(3, dim=1)), batched_luma(planes), atol=1e-6)


def test_luma_of_gray_is_the_picture_itself():
    gray = np.random.default_rng(0).random((40, 50), dtype=np.float32)
    assert np.array_equal(luma(gray, gray, gray), gray)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_picture_in_gray_keeps_its_type_and_is_rounded_luma(dtype):
    most = np.iinfo(dtype).max
    picture = np.random.default_rng(0).integers(0, most, (20, 30, 3), dtype=dtype, endpoint=True)
    gray = as_gray(picture[:, ::-1])
    assert gray.dtype == dtype
    assert gray.shape == picture.shape
    assert (gray == gray[:, :, :1]).all()
    expected = picture[:, ::-1].astype(np.float64) @ (0.299, 0.587, 0.114)
    # OpenCV's weights are whole numbers over 2^15 or 2^14.
    assert np.abs(gray[:, :, 0] - expected).max() <= 0.5 + most * 2**-14
    assert np.array_equal(as_gray(gray), gray)


def test_channels():
    assert [channels_of(colour) for colour in ("rgb", "gray", "luma")] == [3, 1, 1]
