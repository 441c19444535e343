"""The photographs that nothing was trained on, and what makes LR of them."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from esrgan_train.building import build
from esrgan_train.config import compose_config
from esrgan_train.degradation import BicubicDegradation
from esrgan_train.errors import UserError
from esrgan_train.evaluate.scores import Degrade, degraded, in_8_bits
from esrgan_train.images.crop import middle
from esrgan_train.images.decode import decode
from esrgan_train.images.find import find_photos
from esrgan_train.modelfiles.digest import digest_of

log = logging.getLogger(__name__)

Picture = NDArray[np.uint8]

STEP = 12  # a multiple of the scales 2, 3 and 4: each of them sees the same pixels


@dataclass(frozen=True)
class Photograph:
    """A photograph, and its HR of (H, W, 3), whose sides are multiples of every scale."""

    name: str
    digest: str  # of the file
    hr: Picture


@dataclass(frozen=True)
class Reduction:
    """A degradation, as configured."""

    name: str
    degrade: Degrade
    draws: int  # one where nothing is random

    def lows(self, photograph: Photograph, *, seed: int) -> Iterator[tuple[int, Picture]]:
        """The number and the LR of each draw: the same for the same seed, photograph and number."""
        key = zlib.crc32(photograph.name.encode())
        for draw in range(self.draws):
            yield draw, degraded(photograph.hr, self.degrade, [seed, key, draw])


def read_photographs(folder: Path, *, most: int | None, side: int) -> list[Photograph]:
    """The photographs of a folder, cut to their middle.

    Args:
        folder: where they lie.
        most: how many are taken, None for all.
        side: pixels a side that are kept at most.

    Raises:
        UserError: there is no such folder, or one of its photographs cannot be read.
    """
    if not folder.is_dir():
        raise UserError(f"--photos {folder} is no folder: make photos fetches Debian's, or give another")
    paths = list(find_photos(folder, option="--photos"))[:most]
    return [_read(path, side) for path in paths]


def reductions(names: Sequence[str], *, scale: int, draws: int) -> list[Reduction]:
    """The choices of the group ``degradation``; random ones are drawn ``draws`` times."""
    made = [Reduction(name, _degradation(name, scale), draws) for name in names]
    return [
        Reduction(each.name, each.degrade, 1 if isinstance(each.degrade, BicubicDegradation) else draws)
        for each in made
    ]


def _degradation(name: str, scale: int) -> Degrade:
    made: Degrade = build(compose_config([f"degradation={name}", f"upscale={scale}"]).degradation)
    return made


def _read(path: Path, side: int) -> Photograph:
    whole = in_8_bits(decode(path))
    rows, columns = (middle(length, most=side, step=STEP) for length in whole.shape[:2])
    return Photograph(path.stem, digest_of(path), np.ascontiguousarray(whole[rows, columns]))
