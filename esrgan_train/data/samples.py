"""An endless stream of samples, whatever they are made from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import count
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from esrgan_train.data.bad_photos import BadPhotos
from esrgan_train.data.cache import Cacheable, PhotoCache
from esrgan_train.data.mixture import Mixture
from esrgan_train.data.stream import check_seed, sample_rng
from esrgan_train.data.window import Window
from esrgan_train.errors import UserError
from esrgan_train.images.decode import UnreadableImageError
from esrgan_train.images.find import PathTable

Image = NDArray[np.float32]  # (H, W, 3) RGB in [0,1]
Decoded = TypeVar("Decoded", bound=Cacheable)

FLIP_PROBABILITY = 0.5
_MEGABYTE = 2**20


class TrainingSample(NamedTuple):
    """A pair before it becomes tensors. ``hr_target`` is ``hr`` itself unless the recipe sharpens."""

    lr: Image
    hr: Image
    hr_target: Image
    name: str  # of the photo, relative to its folder
    scale: float  # at which the photo was used


class SampleStream(Dataset[dict[str, Any]], ABC, Generic[Decoded]):
    """Sample n of an endless stream, a pure function of (seed, n).

    Its photo comes from a permutation per epoch; the rest from ``sample_rng(seed, n)``. A photo that cannot
    be read is replaced by another one, drawn from ``sample_rng(seed, n, attempt)``, so no other sample
    changes.

    Args:
        photos: at least one.
        seed: 0 to 2⁶⁴ − 1.
        cache_mb: decoded photos kept per process, in MiB.
        max_bad_fraction: share of the photos that may be unreadable.

    Raises:
        UserError: a value is out of bounds; on access, too many photos cannot be read.
    """

    window: Window

    def __init__(
        self, photos: PathTable | Mixture, *, seed: int, cache_mb: float, max_bad_fraction: float
    ) -> None:
        check_seed(seed)
        if not isinstance(cache_mb, (int, float)) or not cache_mb >= 0:
            raise UserError(f"data.cache_mb={cache_mb!r}: give a number of MiB from 0 on, such as 64")
        self.photos = Mixture.of(photos)
        self.seed = seed
        self.bad = BadPhotos(
            self.photos,
            max_fraction=max_bad_fraction,
            kind="training",
            consequence="another photo takes its place",
        )
        self._decoded = PhotoCache(self.decode, max_bytes=int(cache_mb * _MEGABYTE))

    @property
    @abstractmethod
    def needed_side(self) -> int:
        """HR pixels a photo's shorter side must have, or it is continued by its reflection."""

    @abstractmethod
    def decode(self, index: int) -> Decoded:
        """The pixels that samples of this photo are made from; ``UnreadableImageError`` if there are none."""

    @abstractmethod
    def make(self, index: int, decoded: Decoded, rng: np.random.Generator) -> TrainingSample:
        """A sample of this photo, drawn from ``rng``; it must not change ``decoded``."""

    def __getitem__(self, n: int) -> dict[str, Any]:
        sample = self.sample(n)
        hr = to_tensor(sample.hr)
        target = hr if sample.hr_target is sample.hr else to_tensor(sample.hr_target)
        return {"lr": to_tensor(sample.lr), "hr": hr, "hr_target": target, "index": n}

    def sample(self, n: int) -> TrainingSample:
        """Sample n as arrays, with where it comes from."""
        for attempt in count():
            rng = sample_rng(self.seed, n, attempt)
            if attempt:
                index = self.photos.replacement_of(self.seed, n, attempt, rng)
            else:
                index = self.photos.photo_of(self.seed, n)
            try:
                decoded = self._decoded[index]
            except UnreadableImageError as error:
                self.bad.add(index, str(error))
                self.bad.check()  # raises when none is left, so this ends
            else:
                return self.make(index, decoded, rng)
        raise AssertionError("unreachable")


def to_tensor(image: Image) -> Tensor:
    """(H, W, C) to (C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
