"""Unsharp masking of the high-resolution photograph, where it is sharp already."""

from __future__ import annotations

import cv2
import numpy as np

from esrgan_train.degradation.image import Image


def usm_sharpen(
    hr: Image,
    *,
    weight: float = 0.5,
    threshold_levels: float = 10.0,
    kernel_size: int = 51,
    sigma: float = 8.0,
) -> Image:
    """Add `weight` times what a Gaussian blur removes, softly restricted to where that is noticeable.

    With B the blurred image and R = I − B: M = 1 where |R| > threshold, S = blurred M, and the result is
    S·clip(I + weight·R, 0, 1) + (1 − S)·I, each channel by itself. Flat areas keep their noise as it is.
    Wang et al., "Real-ESRGAN", 2021 (section 3.4), whose values are the defaults.

    Args:
        hr: (H, W, 3) float32 in [0,1].
        weight: Strength of the sharpening.
        threshold_levels: Smallest residual that counts, in 8-bit levels (1/255).
        kernel_size: Side of the Gaussian in pixels, odd.
        sigma: Its standard deviation in pixels.

    Returns:
        (H, W, 3) float32 in [0,1], a new array.
    """
    residual = hr - _gaussian_blur(hr, kernel_size, sigma)
    mask = (np.abs(residual) > np.float32(threshold_levels / 255.0)).astype(np.float32)
    # S·clip(I + w·R) + (1 − S)·I, with the change clip(I + w·R) − I written once.
    residual *= np.float32(weight)
    residual += hr
    change = np.clip(residual, 0.0, 1.0, out=residual)
    change -= hr
    change *= _gaussian_blur(mask, kernel_size, sigma)
    change += hr
    return change


def _gaussian_blur(image: Image, kernel_size: int, sigma: float) -> Image:
    size = (kernel_size, kernel_size)
    return np.asarray(cv2.GaussianBlur(image, size, sigma, borderType=cv2.BORDER_REFLECT_101), dtype=np.float32)
