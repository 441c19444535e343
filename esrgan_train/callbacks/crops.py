"""previews/crops/: what previews show of each photo, one lossless file a picture, for pages that compare them.

A folder a photo holds ``photo.json``, ``lr.webp``, ``bicubic.webp`` and, but for pictures without HR, ``hr.webp``,
once, and ``sr_00000000.webp`` for each validation. Its name is a digest of what was measured, so that a photo with
other pixels, or cut elsewhere, gets a folder of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from esrgan_train.files import replacing
from esrgan_train.images.crop import middle, reduced
from esrgan_train.images.encode import write_image

FOLDER, NOTE = "previews/crops", "photo.json"  # in a run folder, and in that of a photo
_MOST = 768  # pixels a side, about: a page holds no more
_BICUBIC, _SR, _HR = "bicubic", "SR", "HR"


class Shown(NamedTuple):
    """The part of a photo that is shown; pictures are (H, W, 3) uint8, ``lr`` ``upscale`` times smaller."""

    name: str
    upscale: int
    lr: NDArray[np.uint8]
    large: dict[str, NDArray[np.uint8]]  # by label: bicubic, SR and, if there is one, HR


def write_crops(folder: Path, photos: Sequence[Shown], step: int) -> None:
    """Add the pictures of iteration ``step`` to those in ``folder``; photos come in the order of the sheet."""
    for number, photo in enumerate(map(_small_enough, photos)):
        place = folder / _digest(photo)
        if not (place / NOTE).exists():
            write_image(place / "lr.webp", photo.lr, lossless=True)
            for label in photo.large.keys() - {_SR}:
                write_image(place / f"{label.lower()}.webp", photo.large[label], lossless=True)
            note = {"name": photo.name, "number": number, "upscale": photo.upscale, "real": _HR not in photo.large}
            with replacing(place / NOTE) as partial:
                partial.write_text(json.dumps(note, indent=2) + "\n", encoding="utf-8")
        write_image(place / f"sr_{step:08}.webp", photo.large[_SR], lossless=True)


def _small_enough(photo: Shown) -> Shown:
    """The middle of a part that is larger than what is kept."""
    height, width = photo.large[_SR].shape[:2]
    rows, columns = (middle(side, most=_MOST, step=photo.upscale) for side in (height, width))
    low = tuple(reduced(lines, photo.upscale) for lines in (rows, columns))
    large = {label: picture[rows, columns] for label, picture in photo.large.items()}
    return photo._replace(lr=photo.lr[low], large=large)


def _digest(photo: Shown) -> str:
    digest = blake2b(photo.name.encode(errors="surrogateescape"), digest_size=6)
    for picture in (photo.lr, photo.large.get(_HR, photo.lr)):
        digest.update(str(picture.shape).encode() + np.ascontiguousarray(picture).tobytes())
    return digest.hexdigest()
