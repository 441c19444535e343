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
from esrgan_train.data.cutters import Cut, cutter_for
from esrgan_train.data.device_rendering import DeviceRendering
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.sources import Source
from esrgan_train.data.stream import sample_rng
from esrgan_train.data.window import Window
from esrgan_train.degradation import usm_sharpen
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.target_noise import with_noise
from esrgan_train.images.decode import UnreadableImageError, to_float

Degradation = Callable[[Image, np.random.Generator], Image]
Noise = Callable[[Image, np.random.Generator], Image]


class Taken(NamedTuple):
    """What a sample is made from."""

    cut: Cut
    name: str  # of the photo
    rng: np.random.Generator  # of the sample, for what is still to be drawn


class TrainingSample(NamedTuple):
    """A sample before it becomes tensors."""

    lr: Image
    hr: Image
    hr_target: Image  # ``hr`` itself unless the recipe sharpens
    name: str  # of the photo
    scale: float  # at which the photo is used


class TrainingSet(Dataset[dict[str, Any]]):
    """Sample n of an endless stream, a pure function of (seed, n).

    A photo that cannot be read is replaced by one drawn from (seed, n, attempt), so no other sample changes.

    Args:
        source: the photos.
        options: of the stream.
        degradation: (hr, rng) → lr, both float32 HWC RGB in [0,1]; None if the source has LR.
        target_noise: (hr, rng) → noise, added to ``hr`` and ``hr_target`` before degrading; None for none.
        rendering: makes the images on the training device; None: they are made here.

    Shape:
        lr (3, gt_size/upscale, gt_size/upscale), hr and hr_target (3, gt_size, gt_size) float32 in [0,1];
        index: n. With ``rendering``, what its ``draw`` gives, and index.

    Raises:
        UserError: on access, too many photos cannot be read.
    """

    def __init__(
        self,
        source: Source,
        options: StreamOptions,
        *,
        degradation: Degradation | None,
        target_noise: Noise | None = None,
        rendering: DeviceRendering | None = None,
    ) -> None:
        self.source = source
        self.cutter = cutter_for(source, options)
        self.options = options
        self.degradation = degradation
        self.target_noise = target_noise
        self.rendering = rendering
        self.bad = BadPhotos(len(source), options, kind="training", consequence="another photo takes its place")
        self._decoded = PhotoCache(source.decode, max_bytes=int(options.cache_mb * 2**20))

    def __getitem__(self, n: int) -> dict[str, Any]:
        return {**self.tensors(self.take(n)), "index": n}

    def tensors(self, taken: Taken) -> dict[str, Any]:
        """The sample as it goes into a batch."""
        if self.rendering is not None:
            return self.rendering.draw(taken.cut.hr, taken.cut.corner, taken.rng)
        sample = self._make(*taken)
        hr = to_tensor(sample.hr)
        target = hr if sample.hr_target is sample.hr else to_tensor(sample.hr_target)
        return {"lr": to_tensor(sample.lr), "hr": hr, "hr_target": target}

    def sample(self, n: int) -> TrainingSample:
        """Sample n as arrays, and where it comes from; rendered as training renders it."""
        taken = self.take(n)
        if self.rendering is not None:
            images = self.rendering.alone(self.tensors(taken))
            return TrainingSample(*images, taken.name, taken.cut.scale)
        return self._make(*taken)

    def take(self, n: int) -> Taken:
        """The part of a photo that sample n is made from."""
        source, seed = self.source, self.options.seed
        for attempt in count():
            rng = sample_rng(seed, n, attempt)
            index = source.replacement_of(seed, n, attempt, rng) if attempt else source.photo_of(seed, n)
            try:
                cut = self.cutter.cut(self._decoded[index], rng)
            except UnreadableImageError as error:
                self.bad.add(index, str(error))
                self.bad.check()  # raises when none is left, so this ends
            else:
                return Taken(cut, source.name(index), rng)
        raise AssertionError("unreachable")

    def _make(self, cut: Cut, name: str, rng: np.random.Generator) -> TrainingSample:
        plain = to_float(np.ascontiguousarray(cut.hr))
        sharp = usm_sharpen(plain) if self.options.usm else plain
        if self.target_noise is not None:  # after sharpening, which would make the grain coarser
            noise = self.target_noise(plain, rng)
            plain = with_noise(plain, noise)
            sharp = with_noise(sharp, noise) if self.options.usm else plain
        if cut.lr is not None:
            lr = to_float(np.ascontiguousarray(cut.lr))
        else:
            assert self.degradation is not None
            lr = self.degradation(sharp, rng)
        window = Window(self.options.gt_size, self.options.upscale)
        hr = window.crop(plain, cut.corner, window.upscale)
        target = window.crop(sharp, cut.corner, window.upscale) if self.options.usm else hr
        return TrainingSample(window.crop(lr, cut.corner, upscale=1), hr, target, name, cut.scale)


def to_tensor(image: Image) -> Tensor:
    """(H, W, C) to (C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
