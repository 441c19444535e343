"""What validation measures: held-out photos, or training samples where a run is to learn those by heart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from esrgan_train.data.bad_photos import BadPhotos
from esrgan_train.data.channels import as_decoded, as_seen
from esrgan_train.data.cutters import cut_middle
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.sources import Source
from esrgan_train.data.stream import Purpose, sample_rng
from esrgan_train.data.training_set import Degradation, Noise, TrainingSet, to_tensor
from esrgan_train.degradation import BicubicDegradation
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.target_noise import with_noise
from esrgan_train.errors import UserError
from esrgan_train.images.colour import channels_of
from esrgan_train.images.decode import UnreadableImageError, to_float


class ValidationSet(Dataset[dict[str, Any]]):
    """Held-out photos, each degraded as (seed, photo, draw) decides; for the arguments see ``TrainingSet``.

    First comes each photo once, then each photo that is degraded with its next draw, and so on for ``val_draws``
    draws; pairs come once. A photo that cannot be read, and a position beyond the last (processes take equally
    many), is one black LR pixel with ``counts`` false.

    Shape:
        lr (3, h, w) and hr (3, h·upscale, w·upscale) float32 in [0,1], of one channel unless ``colour`` is rgb:
        the photo in whole LR pixels; index and name: of the photo; draw: from 0 on; counts: false for padding and
        unreadable photos. With ``val_clean``, the first draw has lr_clean as lr.

    Raises:
        UserError: on access, a photo is smaller than one LR pixel.
    """

    def __init__(
        self,
        source: Source,
        options: StreamOptions,
        *,
        degradation: Degradation | None,
        target_noise: Noise | None = None,
    ) -> None:
        self.source = source
        self.options = options
        self.degradation = degradation
        self.target_noise = target_noise
        self.clean = BicubicDegradation(upscale=options.upscale) if options.val_clean else None
        self._degraded = _degraded(source)  # numbers of the photos that are drawn more than once
        self.bad = BadPhotos([len(source)], options, kind="held-out", consequence="it is left out of the figures")

    def __len__(self) -> int:
        return len(self.source) + (self.options.val_draws - 1) * len(self._degraded)

    def place(self, position: int) -> tuple[int, int]:
        """The number of the photo at a position, and its draw."""
        later = position - len(self.source)
        if later < 0:
            return position, 0
        draw, place = divmod(later, len(self._degraded))
        return self._degraded[place], draw + 1

    def __getitem__(self, position: int) -> dict[str, Any]:
        counts = position < len(self)
        i, draw = self.place(position % len(self))
        channels = channels_of(self.options.colour)
        images = {"lr": _black(1, channels), "hr": _black(self.options.upscale, channels)}
        if counts:
            try:
                images = self._read(i, draw)
            except UnreadableImageError as error:
                self.bad.add(i, str(error))
                counts = False
        tensors = {name: to_tensor(image) for name, image in images.items()}
        return {**tensors, "index": i, "name": self.source.name(i), "draw": draw, "counts": counts}

    def report(self) -> None:
        """Log what workers could not read; only the main process calls it."""
        self.bad.report()
        self.source.report()

    def _read(self, i: int, draw: int) -> dict[str, Image]:
        upscale = self.options.upscale
        cut = cut_middle(self.source.decode(i), most=self.options.val_max_size, upscale=upscale)
        if not cut.hr.size:
            raise UserError(f"{self.source.place(i)} is smaller than upscale={upscale} pixels: remove it")
        cut = as_decoded(cut, self.options.colour)
        hr = to_float(cut.hr)
        rng = sample_rng(self.options.seed, i, attempt=draw, purpose=Purpose.VALIDATION)
        if self.target_noise is not None and cut.lr is None:
            hr = with_noise(hr, self.target_noise(hr, rng))
        if cut.lr is not None:
            lr = to_float(cut.lr)
        else:
            assert self.degradation is not None
            lr = self.degradation(hr, rng)
        images = {"lr": lr, "hr": hr}
        if self.clean is not None and draw == 0:  # nothing is drawn for it
            images["lr_clean"] = self.clean(hr, rng)
        return {name: as_seen(image, self.options.colour) for name, image in images.items()}


class FirstSamples(Dataset[dict[str, Any]]):
    """The first training samples in the form of held-out photos, made where they are for training.

    See ``ValidationSet`` and ``TrainingSet``.
    """

    def __init__(self, training: TrainingSet, *, samples: int) -> None:
        self.training = training
        self.bad = training.bad
        self.samples = samples

    def __len__(self) -> int:
        return self.samples

    def report(self) -> None:
        """Log what workers could not read; only the main process calls it."""
        self.training.report()

    def __getitem__(self, position: int) -> dict[str, Any]:
        n, counts = position % self.samples, position < self.samples
        taken = self.training.take(n)
        parts = self.training.tensors(taken)
        parts.pop("hr_target", None)  # validation compares with the plain photo
        return {**parts, "index": n, "name": taken.name, "draw": 0, "counts": counts}


def _degraded(source: Source) -> Sequence[int]:
    """The numbers of the photos whose LR has to be made."""
    numbers: list[range] = []
    start = 0
    for kind in source.kinds:
        if not kind.paired:
            numbers.append(range(start, start + len(kind)))
        start += len(kind)
    return numbers[0] if len(numbers) == 1 else [*chain.from_iterable(numbers)]


def _black(side: int, channels: int) -> Image:
    return np.zeros((side, side, channels), np.float32)
