"""Blurring an image with a small kernel, in the fastest way that is exact to 1e-5."""

from __future__ import annotations

import cv2
import numpy as np

from esrgan_train.degradation.image import Image
from esrgan_train.degradation.kernels import Kernel

# Rows and columns that together weigh less than this are cut off, and a kernel this close to the product
# of two vectors is applied as two one-dimensional filters. On [0,1] images the result moves by no more.
_NEGLIGIBLE = 1e-6


def blur(image: Image, kernel: Kernel) -> Image:
    """Correlate each channel with `kernel`; the image is mirrored at its borders (edge pixel not repeated).

    Shape:
        image (H, W, C) float32 of any size, kernel (k, k) with odd k and sum 1 → a new image, not clamped.
    """
    kernel = trim(kernel)
    vertical, horizontal = kernel.sum(1), kernel.sum(0)
    border = cv2.BORDER_REFLECT_101
    if np.abs(kernel - np.outer(vertical, horizontal) / kernel.sum()).sum() < _NEGLIGIBLE:
        blurred = cv2.sepFilter2D(image, -1, horizontal / kernel.sum(), vertical, borderType=border)
    else:
        blurred = cv2.filter2D(image, -1, kernel.astype(np.float32), borderType=border)
    return np.asarray(blurred, dtype=np.float32)


def trim(kernel: Kernel) -> Kernel:
    """Cut the outermost rings of a kernel as long as all that is cut weighs less than 1e-6."""
    weight = np.abs(kernel)
    total, margin = weight.sum(), 0
    while margin < len(kernel) // 2:
        inner = weight[margin + 1 : -margin - 1, margin + 1 : -margin - 1]
        if total - inner.sum() >= _NEGLIGIBLE:
            break
        margin += 1
    return kernel[margin : len(kernel) - margin, margin : len(kernel) - margin]
