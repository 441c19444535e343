"""Resizing as the field's training code does it: without anti-aliasing, or by adaptive average pooling."""

from __future__ import annotations

import cv2
import numpy as np

from esrgan_train.degradation.drawing import ResizeMode
from esrgan_train.degradation.image import Image


def resize(image: Image, height: int, width: int, mode: ResizeMode) -> Image:
    """Resize to (height, width); pixels are squares whose outer edges coincide (align_corners=False).

    Equal to `torch.nn.functional.interpolate(size=(height, width), mode=mode)`: bicubic has a = −0.75, and
    neither it nor bilinear is anti-aliased, so strong reductions alias.

    Shape:
        (H, W, C) float32 → (height, width, C), not clamped (bicubic overshoots); `image` itself if it fits.
    """
    if image.shape[:2] == (height, width):
        return image
    if mode == "area":
        return _resize_area(image, height, width)
    interpolation = cv2.INTER_LINEAR if mode == "bilinear" else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), dtype=np.float32)


def _resize_area(image: Image, height: int, width: int) -> Image:
    """Adaptive average pooling: output pixel i is the mean of input pixels ⌊i·n/m⌋ to ⌈(i+1)·n/m⌉ − 1."""
    if image.shape[0] % height == 0 and image.shape[1] % width == 0:
        return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.float32)
    rows = _pool_rows(image, height)
    columns = _pool_rows(np.asarray(cv2.transpose(rows)), width)
    return np.asarray(cv2.transpose(columns), dtype=np.float32)


def _pool_rows(image: Image, count: int) -> Image:
    rows = image.shape[0]
    index = np.arange(count)
    start = index * rows // count
    length = -(-(index + 1) * rows // count) - start
    total: Image = image[start]
    for offset in range(1, length.max()):
        longer = np.flatnonzero(length > offset)
        if len(longer) == count:
            total += image[start + offset]
        else:
            total[longer] += image[start[longer] + offset]
    total /= length.astype(np.float32).reshape(-1, 1, 1)
    return total
