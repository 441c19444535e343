"""A perceptual hash of a photo."""

from __future__ import annotations

import cv2
import imagehash
from PIL import Image

from esrgan_train.screening.luma import Luma

HASH_SIDE = 16
BITS = HASH_SIDE**2
_REDUCED = 256  # pixels of the shorter side that the hash is taken of
_CONTRAST = 2.0  # levels (standard deviation) of a reduced photo that its hash tells apart


def fingerprint(luma: Luma) -> str:
    """imagehash's ``phash`` of 256 bits as 64 hexadecimal digits; empty for a blank picture."""
    scale = min(1.0, _REDUCED / min(luma.shape))
    size = [max(1, round(length * scale)) for length in luma.shape[::-1]]
    reduced = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    if float(reduced.std()) < _CONTRAST:
        return ""
    return str(imagehash.phash(Image.fromarray(reduced), HASH_SIDE))
