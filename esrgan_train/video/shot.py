"""One picture of a clip, and when it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from esrgan_train.images.photo import Photo


@dataclass(frozen=True)
class Shot:
    """A picture with its time.

    Attributes:
        photo: as it is stored, so a rotated clip's is not upright.
        start: when it appears, in seconds since the beginning of the file.
        seconds: how long it stays; 0 where only the next picture says it.
        damaged: whether the file's own picture could not be decoded, and this is the one before.
    """

    photo: Photo
    start: Fraction
    seconds: Fraction = Fraction(0)
    damaged: bool = False
