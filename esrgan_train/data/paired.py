"""Samples from photos that come in pairs: the low-resolution side is given, not made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from esrgan_train.data.held_out import HeldOut
from esrgan_train.data.pair_tables import PairTables, size_mismatch
from esrgan_train.data.samples import FLIP_PROBABILITY, SampleStream, TrainingSample
from esrgan_train.data.window import Window, check_gt_size
from esrgan_train.images.crop import middle, reduced
from esrgan_train.images.decode import Picture, UnreadableImageError, decode, to_float

Image = NDArray[np.float32]  # (H, W, 3) RGB in [0,1]


@dataclass(frozen=True)
class Pair:
    """Both sides of a decoded pair; ``hr`` is ``upscale`` times as large as ``lr``."""

    lr: Picture
    hr: Picture

    @property
    def nbytes(self) -> int:
        """Bytes of both."""
        return self.lr.nbytes + self.hr.nbytes

    def setflags(self, *, write: bool) -> None:
        """Make both read-only, or not."""
        self.lr.setflags(write=write)
        self.hr.setflags(write=write)


class TrainingPairs(SampleStream[Pair]):
    """The same crop of both sides of a pair, flipped alike; nothing is degraded.

    Args:
        pairs: at least one.
        sharpen: makes ``hr_target`` from the HR crop; None leaves it plain.
        upscale: HR pixels per LR pixel.
        seed: 0 to 2⁶⁴ − 1.
        gt_size: side of the HR crop in pixels, a multiple of lcm(8, upscale).
        cache_mb: decoded pairs kept per process, in MiB.
        max_bad_fraction: share of the pairs that may be unreadable or of a wrong size.

    Shape:
        as ``TrainingPhotos``.

    Raises:
        UserError: a value is out of bounds; on access, too many pairs cannot be used.
    """

    def __init__(
        self,
        pairs: PairTables,
        *,
        sharpen: Callable[[Image], Image] | None,
        upscale: int,
        seed: int,
        gt_size: int,
        cache_mb: float,
        max_bad_fraction: float,
    ) -> None:
        check_gt_size(gt_size, upscale)
        super().__init__(pairs.hr, seed=seed, cache_mb=cache_mb, max_bad_fraction=max_bad_fraction)
        self.pairs = pairs
        self.sharpen = sharpen
        self.window = Window(gt_size, upscale)

    @property
    def needed_side(self) -> int:
        """HR pixels a photo's shorter side must have, or it is continued by its reflection."""
        return self.window.gt_size

    def decode(self, index: int) -> Pair:
        """Both sides; ``UnreadableImageError`` if one cannot be read or their sizes do not fit."""
        return decode_pair(self.pairs, index, self.window.upscale)

    def make(self, index: int, decoded: Pair, rng: np.random.Generator) -> TrainingSample:
        """Cut whole LR pixels and what belongs to them, flip both, sharpen the target."""
        upscale, side = self.window.upscale, self.window.gt_size // self.window.upscale
        lr, hr = reflected(decoded.lr, side), reflected(decoded.hr, self.window.gt_size)
        y, x = (int(rng.integers(length - side + 1)) for length in lr.shape[:2])
        lr, hr = lr[y : y + side, x : x + side], hr[y * upscale :, x * upscale :]
        hr = hr[: self.window.gt_size, : self.window.gt_size]
        if rng.random() < FLIP_PROBABILITY:
            lr, hr = lr[:, ::-1], hr[:, ::-1]
        plain = np.ascontiguousarray(to_float(hr))
        target = plain if self.sharpen is None else self.sharpen(plain)
        return TrainingSample(to_float(lr), plain, target, self.photos.relative(index), 1.0)


class ValidationPairs(HeldOut):
    """Held-out pairs, both sides cut alike; see ``HeldOut``.

    Args:
        pairs: at least one.
        upscale: HR pixels per LR pixel.
        seed: as in training; nothing is drawn.
        max_size: HR pixels a side to which larger pairs are cut, from their middle; None takes all.
        max_bad_fraction: share of the pairs that may be unreadable or of a wrong size.
    """

    def __init__(
        self, pairs: PairTables, *, upscale: int, seed: int, max_size: int | None, max_bad_fraction: float
    ) -> None:
        super().__init__(
            pairs.hr, upscale=upscale, seed=seed, max_size=max_size, max_bad_fraction=max_bad_fraction
        )
        self.pairs = pairs

    def read(self, i: int) -> dict[str, Image]:
        """The middle of both sides."""
        pair, step = decode_pair(self.pairs, i, self.upscale), self.upscale
        rows, columns = (middle(side, most=self.max_size, step=step) for side in pair.hr.shape[:2])
        lr = pair.lr[reduced(rows, step), reduced(columns, step)]
        return {"lr": to_float(lr), "hr": to_float(pair.hr[rows, columns])}


def decode_pair(pairs: PairTables, index: int, upscale: int) -> Pair:
    """Both sides of pair ``index``.

    Raises:
        UnreadableImageError: one side cannot be read, or HR is not exactly ``upscale`` times LR.
    """
    lr, hr = decode(pairs.lr[index]), decode(pairs.hr[index])
    problem = size_mismatch(pairs, index, lr.shape[1::-1], hr.shape[1::-1], upscale)
    if problem:
        raise UnreadableImageError(problem)
    return Pair(lr, hr)


def reflected(image: Picture, least: int) -> Picture:
    """The image, continued at the right and the bottom until no side is below ``least``.

    Edge pixels are repeated: mirrored so, LR and HR stay one above the other.
    """
    missing = [max(0, least - length) for length in image.shape[:2]]
    if not any(missing):
        return image
    rows, columns = (
        np.pad(np.arange(length), (0, more), mode="symmetric")
        for length, more in zip(image.shape[:2], missing, strict=True)
    )
    continued: Picture = image[np.ix_(rows, columns)]
    return continued
