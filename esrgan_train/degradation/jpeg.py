"""Compressing an image as a JPEG file and decoding it again."""

from __future__ import annotations

from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from esrgan_train.degradation.image import Image, to_levels
from esrgan_train.images.decode import to_float

Subsampling = Literal["4:2:0", "4:2:2", "4:4:4"]
SUBSAMPLINGS: tuple[Subsampling, ...] = get_args(Subsampling)
_FACTORS = {
    "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "4:2:2": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}


def compress_jpeg(
    image: Image, quality: int, *, subsampling: Subsampling = "4:2:0", nearest_chroma: bool = False
) -> Image:
    """Encode with libjpeg (through OpenCV: baseline, standard tables) and decode again.

    Args:
        image: (H, W, 3) float32 RGB, clamped to [0,1] and rounded to 8 bits first; so is the result.
        quality: libjpeg's, 1 to 100.
        subsampling: Whether chroma is stored at half size, at half width or at full size.
        nearest_chroma: At 4:2:0, repeat each chroma sample over its 2 × 2 pixels, as fast decoders and the
            published training code do, instead of interpolating as libjpeg does.
    """
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        _FACTORS[subsampling],
    ]
    encoded, file = cv2.imencode(".jpg", cv2.cvtColor(to_levels(image), cv2.COLOR_RGB2BGR), options)
    assert encoded, image.shape
    decoded = _decode(file, cv2.IMREAD_COLOR)
    return _repeat_chroma(decoded, file) if nearest_chroma else decoded


def _repeat_chroma(decoded: Image, file: NDArray[Any]) -> Image:
    # Decoding at half size reconstructs each stored chroma sample as it is, without any resampling. An RGB colour
    # less its luma carries chroma alone, so it can be moved onto another luma.
    half = _decode(file, cv2.IMREAD_REDUCED_COLOR_2)
    half -= _luma(half)
    chroma = cv2.resize(half, (2 * half.shape[1], 2 * half.shape[0]), interpolation=cv2.INTER_NEAREST)
    height, width = decoded.shape[:2]
    repeated: Image = np.clip(_luma(decoded) + chroma[:height, :width], 0.0, 1.0)
    return repeated


def _decode(file: NDArray[Any], flags: int) -> Image:
    decoded = cv2.imdecode(file, flags)
    assert decoded is not None, "libjpeg has just written this file"
    return to_float(np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), dtype=np.uint8))


def _luma(image: Image) -> Image:
    """BT.601 luma, (H, W, 1)."""
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.float32)[..., None]
