"""The training samples: a photo is decoded, a part is cut, LR is made from it unless it exists already."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from esrgan_train.data.augment.choice import Augmentations, Drawn
from esrgan_train.data.augment.pair import Pair
from esrgan_train.data.bad_photos import BadPhotos
from esrgan_train.data.cache import PhotoCache
from esrgan_train.data.channels import as_decoded, as_seen
from esrgan_train.data.cutters import Cut, Cutter
from esrgan_train.data.device_rendering import PARTNER, DeviceRendering, as_arrays
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.orientation import turned
from esrgan_train.data.sources import Source
from esrgan_train.data.stream import Purpose, sample_rng
from esrgan_train.data.window import Window
from esrgan_train.degradation import RealESRGANDegradation, usm_sharpen
from esrgan_train.degradation.chain import Chain
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.target_noise import with_noise
from esrgan_train.degradation.trace import Done, trace
from esrgan_train.images.decode import UnreadableImageError, to_float

Degradation = Callable[[Image, np.random.Generator], Image]
Noise = Callable[[Image, np.random.Generator], Image]

DRAWING = (RealESRGANDegradation, Chain)  # degradations that do just what they draw


class Taken(NamedTuple):
    """What a sample is made from."""

    cut: Cut
    name: str  # of the photo
    rng: np.random.Generator  # of the sample, for what is still to be drawn
    drawn: Drawn | None = None  # how it is altered at the end
    partner: Taken | None = None  # the second sample that this takes


class TrainingSample(NamedTuple):
    """A sample before it becomes tensors."""

    lr: Image
    hr: Image
    hr_target: Image  # ``hr`` itself unless the recipe sharpens
    name: str  # of the photo
    scale: float  # at which the photo is used
    altered: str = ""  # the augmentation, and the photo of the partner that it takes
    partner: str = ""


class Course(NamedTuple):
    """How the LR side of a sample came about, in the whole window of which the sample is a crop."""

    hr: Image  # what is degraded
    steps: list[Done]
    corner: tuple[int, int]  # (y, x) in LR pixels, where the crop starts


class TrainingSet(Dataset[dict[str, Any]]):
    """Sample n of an endless stream, a pure function of (seed, n).

    A photo that cannot be read is replaced by one drawn from (seed, n, attempt), so no other sample changes.

    Args:
        source: the photos.
        options: of the stream.
        degradation: (hr, rng) → lr, both float32 HWC RGB in [0,1]; None if the source has LR of every photo.
        target_noise: (hr, rng) → noise, added to ``hr`` and ``hr_target`` before degrading; None for none. Pairs
            stay as they are.
        rendering: makes the images on the training device; None: they are made here.
        augmentations: of which each sample gets at most one; None for none.

    Shape:
        lr (3, gt_size/upscale, gt_size/upscale), hr and hr_target (3, gt_size, gt_size) float32 in [0,1], of one
        channel unless ``colour`` is rgb; index: n. With ``rendering``, what its ``draw`` gives, and index.

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
        augmentations: Augmentations | None = None,
    ) -> None:
        self.source = source
        self.cutter = Cutter(options)
        self.options = options
        self.degradation = degradation
        self.target_noise = target_noise
        self.rendering = rendering
        self.augmentations = augmentations
        counts = [len(kind) for kind in source.kinds]
        self.bad = BadPhotos(counts, options, kind="training", consequence="another photo takes its place")
        self._decoded = PhotoCache(source.decode, max_bytes=int(options.cache_mb * 2**20))

    def __getitem__(self, n: int) -> dict[str, Any]:
        return {**self.tensors(self.take(n)), "index": n}

    def report(self) -> None:
        """Log what workers could not read; only the main process calls it."""
        self.bad.report()
        self.source.report()

    def tensors(self, taken: Taken) -> dict[str, Any]:
        """The sample as it goes into a batch."""
        if self.rendering is None:
            return self._pair(taken)._asdict()
        given = self.rendering.draw(taken.cut.hr, taken.cut.corner, taken.rng)
        return given if taken.partner is None else {**given, PARTNER: self.tensors(taken.partner)}

    def sample(self, n: int) -> TrainingSample:
        """Sample n as arrays, and where it comes from; rendered as training renders it."""
        taken = self.take(n)
        if self.rendering is None:
            images = as_arrays(self._pair(taken))
        else:
            images = self.rendering.alone(self.tensors(taken), n)
        altered = "" if taken.drawn is None else taken.drawn.augmentation.name
        partner = "" if taken.partner is None else taken.partner.name
        return TrainingSample(*images, taken.name, taken.cut.scale, altered, partner)

    def course(self, n: int) -> Course:
        """Sample n's way from HR to LR, made on the CPU; without steps for pairs, and where nothing is drawn."""
        taken = self.take(n)
        _, sharp = self._sides(taken.cut, taken.rng)
        steps: list[Done] = []
        if taken.cut.lr is None and isinstance(self.degradation, DRAWING):
            steps = trace(sharp, self.degradation.draw((sharp.shape[0], sharp.shape[1]), taken.rng))
        return Course(sharp, steps, taken.cut.corner)

    def take(self, n: int) -> Taken:
        """The part of a photo that sample n is made from, and what is to happen to it."""
        taken = self._take(n, Purpose.TRAIN, Purpose.ORIENTATION)
        drawn = None if self.augmentations is None else self.augmentations.draw(n)
        if drawn is None:
            return taken
        second = drawn.augmentation.takes_partner
        partner = self._take(n, Purpose.PARTNER, Purpose.PARTNER_ORIENTATION) if second else None
        return taken._replace(drawn=drawn, partner=partner)

    def _take(self, n: int, purpose: Purpose, orientation: Purpose) -> Taken:
        """A partner is any photo that could replace the sample's."""
        source, seed = self.source, self.options.seed
        for attempt in count():
            rng = sample_rng(seed, n, attempt, purpose)
            replaces = attempt or purpose is Purpose.PARTNER
            index = source.replacement_of(seed, n, attempt, rng) if replaces else source.photo_of(seed, n)
            try:
                cut = self.cutter.cut(self._decoded[index], rng)
            except UnreadableImageError as error:
                self.bad.add(index, str(error))
                self.bad.check()  # raises when none is left, so this ends
            else:
                if self.options.rotate:
                    cut = turned(cut, sample_rng(seed, n, attempt, orientation))
                return Taken(as_decoded(cut, self.options.colour), source.name(index), rng)
        raise AssertionError("unreachable")

    def _pair(self, taken: Taken) -> Pair:
        sample = self._make(taken.cut, taken.name, taken.rng)
        hr = to_tensor(sample.hr)
        target = hr if sample.hr_target is sample.hr else to_tensor(sample.hr_target)
        pair = Pair(to_tensor(sample.lr), hr, target)
        if taken.drawn is None:
            return pair
        return taken.drawn(pair, None if taken.partner is None else self._pair(taken.partner))

    def _sides(self, cut: Cut, rng: np.random.Generator) -> tuple[Image, Image]:
        """The window as it is, and what is degraded: sharpened where the recipe says so, or itself."""
        plain = to_float(np.ascontiguousarray(cut.hr))
        sharp = usm_sharpen(plain) if self.options.usm else plain
        if self.target_noise is not None and cut.lr is None:
            # after sharpening, which would make the grain coarser
            noise = self.target_noise(plain, rng)
            plain = with_noise(plain, noise)
            sharp = with_noise(sharp, noise) if self.options.usm else plain
        return plain, sharp

    def _make(self, cut: Cut, name: str, rng: np.random.Generator) -> TrainingSample:
        plain, sharp = self._sides(cut, rng)
        if cut.lr is not None:
            lr = to_float(np.ascontiguousarray(cut.lr))
        else:
            assert self.degradation is not None
            lr = self.degradation(sharp, rng)
        window = Window(self.options.gt_size, self.options.upscale)
        colour = self.options.colour
        hr = as_seen(window.crop(plain, cut.corner, window.upscale), colour)
        target = as_seen(window.crop(sharp, cut.corner, window.upscale), colour) if self.options.usm else hr
        lr = as_seen(window.crop(lr, cut.corner, upscale=1), colour)
        return TrainingSample(lr, hr, target, name, cut.scale)


def to_tensor(image: Image) -> Tensor:
    """(H, W, C) to (C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
