"""Steady motion of a picture, as of a camera that pans."""

from __future__ import annotations

import math
from typing import Annotated

import cv2
import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from esrgan_train.degradation.image import Image
from esrgan_train.degradation.ranges import Range

Shift = tuple[float, float]  # rows, columns
Speeds = Range[Annotated[float, Ge(0), Le(64)]]  # in pixels


def draw_motion(speeds: tuple[float, float], rng: np.random.Generator) -> Shift:
    """A motion in any direction, at a speed drawn from a range."""
    speed, direction = rng.uniform(*speeds), rng.uniform(0, 2 * np.pi)
    return float(speed * np.sin(direction)), float(speed * np.cos(direction))


def moved(image: Image, shift: Shift) -> Image:
    """The picture moved down and to the right by so many pixels, continued by reflection.

    Between pixels it is interpolated by the cubic of Keys (a = −0.5), whose weights are 0 and 1 at whole pixels.

    Shape:
        (H, W, C) float32 → the same, not clamped.
    """
    whole = [math.floor(-distance) for distance in shift]  # pixel p shows what was at p + whole + fraction
    rows, columns = (_keys(-distance - start) for distance, start in zip(shift, whole, strict=True))
    margins = [(max(2 - start, 0), max(start + 2, 0)) for start in whole]
    longer = np.pad(image, (*margins, (0, 0)), mode="symmetric")
    # From two pixels before the first that is shown to two after the last, which the filter reaches.
    (top, height), (left, width) = (
        (start - 2 + margin[0], side + 4)
        for start, margin, side in zip(whole, margins, image.shape[:2], strict=True)
    )
    part = np.ascontiguousarray(longer[top : top + height, left : left + width])
    return np.ascontiguousarray(cv2.sepFilter2D(part, -1, columns, rows)[2:-2, 2:-2])


def _keys(fraction: float) -> NDArray[np.float32]:
    """Weights of the pixels at −2 (always 0), −1, 0, 1 and 2 for a place in [0, 1) (Keys 1981)."""
    distance = np.abs(np.arange(-2, 3) - fraction)
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return np.where(distance < 1, near, np.where(distance < 2, far, 0)).astype(np.float32)
