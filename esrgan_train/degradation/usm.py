"""Unsharp masking of the high-resolution photograph, where it is sharp already."""

from __future__ import annotations

import cv2
import numpy as np

from esrgan_train.degradation.image import Image

WEIGHT = 0.5  # strength of the sharpening
THRESHOLD = 10.0 / 255.0  # the smallest residual that counts
KERNEL_SIZE, SIGMA = 51, 8.0  # of the Gaussian, in pixels


def usm_sharpen(hr: Image) -> Image:
    """Add half of what a Gaussian blur removes, softly restricted to where that is noticeable.

    With B the blurred image and R = I − B: M = 1 where abs(R) > threshold, S = blurred M, and the result is
    S·clip(I + weight·R, 0, 1) + (1 − S)·I, each channel by itself. Flat areas keep their noise as it is.
    Wang et al., "Real-ESRGAN", 2021 (section 3.4), whose values are used.

    Shape:
        (H, W, 3) float32 in [0,1] → the same, a new array.
    """
    residual = hr - _gaussian_blur(hr)
    mask = (np.abs(residual) > np.float32(THRESHOLD)).astype(np.float32)
    # S·clip(I + w·R) + (1 − S)·I, with the change clip(I + w·R) − I written once.
    residual *= np.float32(WEIGHT)
    residual += hr
    change = np.clip(residual, 0.0, 1.0, out=residual)
    change -= hr
    change *= _gaussian_blur(mask)
    change += hr
    return change


def _gaussian_blur(image: Image) -> Image:
    size = (KERNEL_SIZE, KERNEL_SIZE)
    return np.asarray(cv2.GaussianBlur(image, size, SIGMA, borderType=cv2.BORDER_REFLECT_101), dtype=np.float32)
