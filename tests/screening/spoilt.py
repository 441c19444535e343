"""Photos of scikit-image, and ways to spoil them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray

from esrgan_train.images.decode import decode

Photo = NDArray[np.uint8]


def photo(name: str) -> Photo:
    return decode(Path(skimage.__file__).parent / "data" / f"{name}.png").astype(np.uint8)


def as_jpeg(photo: Photo, quality: int) -> Photo:
    stored = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(stored, cv2.IMREAD_COLOR).astype(np.uint8)


def with_noise(photo: Photo, sigma: float) -> Photo:
    noise = np.random.default_rng(0).normal(0, sigma, photo.shape)
    return np.clip(np.rint(photo + noise), 0, 255).astype(np.uint8)
