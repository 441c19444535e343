"""All readings of a photo in one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from esrgan_train.images.decode import Picture
from esrgan_train.screening.blur import edge_width
from esrgan_train.screening.compression import grid_step, table_quality
from esrgan_train.screening.detail import detail, detail_of_luma
from esrgan_train.screening.fingerprint import fingerprint
from esrgan_train.screening.luma import luma_of

__all__ = ["Scores", "detail", "measure"]


@dataclass(frozen=True)
class Scores:
    """What ``measure`` reads."""

    blur: float  # width of the sharpest edges in pixels; NaN if nothing has contrast
    jpeg_quality: int | None  # of a JPEG file, by its tables
    blockiness: float  # step of a JPEG grid in the pixels: 1 for quality 50, 0.5 for 75; 0 without one
    detail: float  # share of pixels on a slope
    fingerprint: str  # perceptual hash, 64 hexadecimal digits; empty if blank


def measure(photo: Picture, path: Path | None = None) -> Scores:
    """Read (H, W, 3) RGB; ``path`` is the file it came from, if there is one."""
    luma = luma_of(photo)
    return Scores(
        blur=edge_width(luma),
        jpeg_quality=None if path is None else table_quality(path),
        blockiness=grid_step(luma),
        detail=detail_of_luma(luma),
        fingerprint=fingerprint(luma),
    )
