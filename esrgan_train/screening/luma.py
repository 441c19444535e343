"""The luma of a photo, and its busiest parts at full resolution."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from esrgan_train.images.decode import Picture

Luma = NDArray[np.uint8]


def luma_of(photo: Picture) -> Luma:
    """(H, W) luma (BT.601, full range) of (H, W, 3) RGB, rounded to 8 bits."""
    if photo.dtype == np.uint16:
        photo = np.asarray(cv2.convertScaleAbs(photo, alpha=1 / 257), dtype=np.uint8).reshape(photo.shape)
    return cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def busy_tiles(luma: Luma, side: int, margin: int = 0) -> tuple[NDArray[np.float32], list[tuple[int, int]]]:
    """How busy each tile of ``side`` pixels is, and (top, left) of all, busiest first.

    Busy means a large mean absolute Laplacian. Tiles lie side by side; each leaves ``margin`` pixels to its right
    and below it inside the photo.
    """
    rows, columns = ((length - margin) // side for length in luma.shape)
    if rows < 1 or columns < 1:
        return np.zeros(0, np.float32), []
    changes = cv2.convertScaleAbs(cv2.Laplacian(luma[: rows * side, : columns * side], cv2.CV_16S))
    means = cv2.resize(changes.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA)
    busy = np.asarray(means, dtype=np.float32).ravel()
    order = np.argsort(-busy, kind="stable")
    return busy[order], [(int(n) // columns * side, int(n) % columns * side) for n in order]


def stacked(luma: Luma, places: list[tuple[int, int]], side: int) -> NDArray[Any]:
    """The squares of ``side`` pixels at ``places`` (top, left) as (N, side, side) float32."""
    return np.stack([luma[top : top + side, left : left + side] for top, left in places]).astype(np.float32)
