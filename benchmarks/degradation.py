"""How long the degradation takes, on real photographs and one thread."""

from __future__ import annotations

import time

import cv2
import numpy as np
from numpy.typing import NDArray

from esrgan_train.data.sample_photos import sample_photos
from esrgan_train.degradation import RealESRGANDegradation, usm_sharpen
from esrgan_train.images.decode import to_float

Image = NDArray[np.float32]


def time_degradation(size: int = 400, repeats: int = 200, seed: int = 0) -> dict[str, float]:
    """Degrade `repeats` random windows of `size` × `size` pixels by the published ×4 recipe.

    Args:
        size: Side of the windows in pixels, a multiple of 4 of at most 400.
        repeats: How many windows; each draws a degradation of its own.
        seed: Chooses windows and degradations.

    Returns:
        Milliseconds per window: `mean_ms`, `median_ms` and `p95_ms` for the degradation alone, and the same
        with the prefix `usm_` for sharpening plus degradation.
    """
    photos = _photographs(size)
    degrade = RealESRGANDegradation(upscale=4)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for warm_up in range(20):  # fills the Poisson tables, which are made once per process
            rng = np.random.default_rng([seed, warm_up])
            degrade(_window(photos, size, rng), rng)
        plain, sharpened = [], []
        for repeat in range(repeats):
            rng = np.random.Generator(np.random.Philox(key=seed, counter=repeat))
            hr = _window(photos, size, rng)
            start = time.perf_counter()
            sharp = usm_sharpen(hr)
            between = time.perf_counter()
            degrade(sharp, rng)
            end = time.perf_counter()
            plain.append((end - between) * 1000)
            sharpened.append((end - start) * 1000)
    finally:
        cv2.setNumThreads(threads)
    return _summary("", plain) | _summary("usm_", sharpened)


def _photographs(side: int) -> list[Image]:
    """The colour photographs of data=sample that are large enough, (H, W, 3) float32 in [0,1]."""
    photos = [to_float(photos.decode(i).hr) for photos in sample_photos()[:2] for i in range(len(photos))]
    return [photo for photo in photos if min(photo.shape[:2]) >= side and np.ptp(photo, axis=2).any()]


def _window(photos: list[Image], size: int, rng: np.random.Generator) -> Image:
    photo = photos[int(rng.integers(len(photos)))]
    top, left = (int(rng.integers(side - size + 1)) for side in photo.shape[:2])
    return np.ascontiguousarray(photo[top : top + size, left : left + size])


def _summary(prefix: str, times: list[float]) -> dict[str, float]:
    return {
        f"{prefix}mean_ms": float(np.mean(times)),
        f"{prefix}median_ms": float(np.median(times)),
        f"{prefix}p95_ms": float(np.percentile(times, 95)),
    }
