"""What validation measures: held-out photos, or training samples where a run is to learn those by heart."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch.utils.data import Dataset

from esrgan_train.data.bad_photos import BadPhotos
from esrgan_train.data.cutters import cut_middle
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.sources import Source
from esrgan_train.data.stream import Purpose, sample_rng
from esrgan_train.data.training_set import Degradation, Noise, TrainingSet, to_tensor
from esrgan_train.degradation import BicubicDegradation
from esrgan_train.degradation.image import Image
from esrgan_train.degradation.target_noise import with_noise
from esrgan_train.errors import UserError
from esrgan_train.images.decode import UnreadableImageError, to_float


class ValidationSet(Dataset[dict[str, Any]]):
    """Held-out photos, each degraded as (seed, i) decides; for the arguments see ``TrainingSet``.

    A photo that cannot be read, and a position beyond the last photo (processes take equally many), is one black
    LR pixel with ``counts`` false.

    Shape:
        lr (3, h, w) and hr (3, h·upscale, w·upscale) float32 in [0,1]: the photo in whole LR pixels; index: i;
        name: of the photo; counts: false for padding and unreadable photos. With ``val_clean``, lr_clean as lr.

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
        self.bad = BadPhotos(len(source), options, kind="held-out", consequence="it is left out of the figures")

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, i: int) -> dict[str, Any]:
        i, counts = i % len(self), i < len(self)
        images = {"lr": _black(1), "hr": _black(self.options.upscale)}
        if counts:
            try:
                images = self._read(i)
            except UnreadableImageError as error:
                self.bad.add(i, str(error))
                counts = False
        tensors = {name: to_tensor(image) for name, image in images.items()}
        return {**tensors, "index": i, "name": self.source.name(i), "counts": counts}

    def _read(self, i: int) -> dict[str, Image]:
        upscale = self.options.upscale
        cut = cut_middle(self.source.decode(i), most=self.options.val_max_size, upscale=upscale)
        if not cut.hr.size:
            raise UserError(f"{self.source.place(i)} is smaller than upscale={upscale} pixels: remove it")
        hr = to_float(cut.hr)
        rng = sample_rng(self.options.seed, i, purpose=Purpose.VALIDATION)
        if self.target_noise is not None:
            hr = with_noise(hr, self.target_noise(hr, rng))
        if cut.lr is not None:
            lr = to_float(cut.lr)
        else:
            assert self.degradation is not None
            lr = self.degradation(hr, rng)
        return {"lr": lr, "hr": hr} | ({} if self.clean is None else {"lr_clean": self.clean(hr, rng)})


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

    def __getitem__(self, position: int) -> dict[str, Any]:
        n, counts = position % self.samples, position < self.samples
        taken = self.training.take(n)
        parts = self.training.tensors(taken)
        parts.pop("hr_target", None)  # validation compares with the plain photo
        return {**parts, "index": n, "name": taken.name, "counts": counts}


def _black(side: int) -> Image:
    return np.zeros((side, side, 3), np.float32)
