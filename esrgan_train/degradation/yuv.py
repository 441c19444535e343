"""RGB and the luma and colour differences that video stores, in 8-bit levels."""

from __future__ import annotations

from functools import cache
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from esrgan_train.degradation.image import Image

Matrix = Literal["bt601", "bt709"]  # of standard and of high definition
MATRICES: tuple[Matrix, ...] = get_args(Matrix)
_WEIGHTS = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}  # of red and blue in luma


def to_yuv(image: Image, matrix: Matrix, *, full_range: bool) -> Image:
    """Luma, Cb and Cr in levels, not rounded: luma from 16 to 235 and chroma from 16 to 240, or both 0 to 255.

    Y = Kr·R + Kg·G + Kb·B, Cb = (B − Y)/(2 − 2·Kb), Cr = (R − Y)/(2 − 2·Kr), scaled and moved (ITU-R BT.601-7 and
    BT.709-6, section 3; full range: ITU-T T.871).

    Shape:
        (H, W, 3) float32 RGB, clamped to [0,1] first → the same.
    """
    return np.asarray(cv2.transform(np.clip(image, 0.0, 1.0), _forward(matrix, full_range)), dtype=np.float32)


def from_yuv(yuv: Image, matrix: Matrix, *, full_range: bool) -> Image:
    """The inverse of ``to_yuv``, clamped to [0,1]."""
    forward = _forward(matrix, full_range)
    inverse = np.linalg.inv(forward[:, :3])
    back = np.column_stack([inverse, -inverse @ forward[:, 3]])
    rgb = np.asarray(cv2.transform(yuv, back), dtype=np.float32)
    return np.clip(rgb, 0.0, 1.0, out=rgb)


@cache
def _forward(matrix: Matrix, full_range: bool) -> NDArray[np.float64]:
    """(3, 4): from RGB in [0,1] and 1 to levels."""
    red, blue = _WEIGHTS[matrix]
    luma = np.array([red, 1 - red - blue, blue])
    differences = np.array([([0, 0, 1] - luma) / (2 - 2 * blue), ([1, 0, 0] - luma) / (2 - 2 * red)])
    black, luma_levels, chroma_levels = (0, 255, 255) if full_range else (16, 219, 224)
    levels = np.vstack([luma_levels * luma, chroma_levels * differences])
    return np.column_stack([levels, [black, 128, 128]])
