"""The training samples: a photo is decoded, a part is cut, LR is made from it unless it exists already."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from esrgan_train.data.bad_photos import BadPhotos
from esrgan_train.data.cache import PhotoCache
from esrgan_train.data.cutters import Cut, Cutter, Image
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.sources import Source
from esrgan_train.data.stream import sample_rng
from esrgan_train.data.window import Window
from esrgan_train.degradation import usm_sharpen
from esrgan_train.degradation.target_noise import add_noise
from esrgan_train.images.decode import UnreadableImageError

Degradation = Callable[[Image, np.random.Generator], Image]
Noise = Callable[[Image, np.random.Generator], Image]

_MEBIBYTE = 2**20


class TrainingSample(NamedTuple):
    """A pair before it becomes tensors. ``hr_target`` is ``hr`` itself unless the recipe sharpens."""

    lr: Image
    hr: Image
    hr_target: Image
    name: str  # of the photo
    scale: float  # at which the photo is used


class TrainingSet(Dataset[dict[str, Any]]):
    """Sample n of an endless stream, a pure function of (seed, n).

    Its photo comes from a permutation per epoch; the rest from ``sample_rng(seed, n)``. A photo that cannot
    be read is replaced by another one, drawn from ``sample_rng(seed, n, attempt)``, so no other sample
    changes.

    Args:
        source: the photos.
        cutter: cuts a part for each sample.
        options: of the stream.
        degradation: (hr, rng) → lr, both float32 HWC RGB in [0,1]; None if the source has LR.
        target_noise: (hr, rng) → noise, added to ``hr`` and ``hr_target`` before degrading; None adds none and
            draws nothing.

    Shape:
        lr (3, gt_size/upscale, gt_size/upscale), hr and hr_target (3, gt_size, gt_size) float32 in [0,1];
        index: n.

    Raises:
        UserError: on access, too many photos cannot be read.
    """

    def __init__(
        self,
        source: Source,
        cutter: Cutter,
        options: StreamOptions,
        *,
        degradation: Degradation | None,
        target_noise: Noise | None = None,
    ) -> None:
        self.source = source
        self.cutter = cutter
        self.options = options
        self.degradation = degradation
        self.target_noise = target_noise
        self.bad = BadPhotos(
            len(source),
            max_fraction=options.max_bad_fraction,
            kind="training",
            consequence="another photo takes its place",
        )
        self._decoded = PhotoCache(source.decode, max_bytes=int(options.cache_mb * _MEBIBYTE))

    def __getitem__(self, n: int) -> dict[str, Any]:
        sample = self.sample(n)
        hr = to_tensor(sample.hr)
        target = hr if sample.hr_target is sample.hr else to_tensor(sample.hr_target)
        return {"lr": to_tensor(sample.lr), "hr": hr, "hr_target": target, "index": n}

    def sample(self, n: int) -> TrainingSample:
        """Sample n as arrays, with where it comes from."""
        seed = self.options.seed
        for attempt in count():
            rng = sample_rng(seed, n, attempt)
            if attempt:
                index = self.source.replacement_of(seed, n, attempt, rng)
            else:
                index = self.source.photo_of(seed, n)
            try:
                photo = self._decoded[index]
            except UnreadableImageError as error:
                self.bad.add(index, str(error))
                self.bad.check()  # raises when none is left, so this ends
            else:
                return self._make(self.cutter.cut(photo, rng), self.source.name(index), rng)
        raise AssertionError("unreachable")

    def _make(self, cut: Cut, name: str, rng: np.random.Generator) -> TrainingSample:
        """Sharpen, add noise, degrade, and crop both sides."""
        plain = cut.hr
        sharp = usm_sharpen(plain) if self.options.usm else plain
        if self.target_noise is not None:  # after sharpening, which would make the grain coarser
            noise = self.target_noise(plain, rng)
            plain = add_noise(plain, noise)
            sharp = add_noise(sharp, noise) if self.options.usm else plain
        lr = cut.lr
        if lr is None:
            assert self.degradation is not None
            lr = self.degradation(sharp, rng)
        window = Window(self.options.gt_size, self.options.upscale)
        hr = window.crop(plain, cut.corner, window.upscale)
        target = window.crop(sharp, cut.corner, window.upscale) if self.options.usm else hr
        return TrainingSample(window.crop(lr, cut.corner, upscale=1), hr, target, name, cut.scale)


def to_tensor(image: Image) -> Tensor:
    """(H, W, C) to (C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
