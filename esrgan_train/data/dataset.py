"""Samples: the training pairs that are drawn from the stream, and the held-out photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from esrgan_train.data.bad_photos import BadPhotos
from esrgan_train.data.cache import PhotoCache
from esrgan_train.data.stream import Purpose, check_seed, photo_index, sample_rng
from esrgan_train.data.window import Window, check_gt_size, check_scales, choose_scale, cut_window
from esrgan_train.degradation.target_noise import add_noise
from esrgan_train.errors import UserError
from esrgan_train.images.decode import Picture, UnreadableImageError, decode, to_float
from esrgan_train.images.find import PathTable

Image = NDArray[np.float32]  # (H, W, 3) RGB in [0,1]
Degradation = Callable[[Image, np.random.Generator], Image]
Sharpen = Callable[[Image], Image]
Noise = Callable[[Image, np.random.Generator], Image]

FLIP_PROBABILITY = 0.5
_MEGABYTE = 2**20


class TrainingSample(NamedTuple):
    """A pair before it becomes tensors. ``hr_target`` is ``hr`` itself unless the recipe sharpens."""

    lr: Image
    hr: Image
    hr_target: Image
    name: str  # of the photo, relative to its folder
    scale: float  # at which the photo was used


class TrainingPhotos(Dataset[dict[str, Any]]):
    """Sample n of an endless stream, a pure function of (seed, n).

    Its photo comes from a permutation per epoch; the rest from ``sample_rng(seed, n)``. A photo that cannot
    be read is replaced by another one, drawn from ``sample_rng(seed, n, attempt)``, so no other sample
    changes.

    Args:
        photos: at least one.
        degradation: (hr, rng) → lr, both float32 HWC RGB in [0,1].
        sharpen: applied to the HR window before degrading and for ``hr_target``; None leaves both plain.
        upscale: HR pixels per LR pixel.
        seed: 0 to 2⁶⁴ − 1.
        gt_size: side of the HR crop in pixels, a multiple of lcm(8, upscale).
        scales: at which photos are used, each in (0, 1].
        cache_mb: decoded photos kept per process, in MiB.
        max_bad_fraction: share of the photos that may be unreadable.
        target_noise: (hr, rng) → noise, added to hr and ``hr_target`` before degrading; None adds none and
            draws nothing.

    Shape:
        lr (3, gt_size/upscale, gt_size/upscale), hr and hr_target (3, gt_size, gt_size) float32 in [0,1];
        index: n.

    Raises:
        UserError: a value is out of bounds; on access, too many photos cannot be read.
    """

    def __init__(
        self,
        photos: PathTable,
        *,
        degradation: Degradation,
        sharpen: Sharpen | None,
        upscale: int,
        seed: int,
        gt_size: int,
        scales: Sequence[float],
        cache_mb: float,
        max_bad_fraction: float,
        target_noise: Noise | None = None,
    ) -> None:
        check_seed(seed)
        check_gt_size(gt_size, upscale)
        if not isinstance(cache_mb, (int, float)) or not cache_mb >= 0:
            raise UserError(f"data.cache_mb={cache_mb!r}: give a number of MiB from 0 on, such as 64")
        self.photos = photos
        self.degradation = degradation
        self.sharpen = sharpen
        self.target_noise = target_noise
        self.seed = seed
        self.scales = check_scales(scales)
        self.window = Window(gt_size, upscale)
        self.bad = BadPhotos(photos, max_fraction=max_bad_fraction)
        self._decoded = PhotoCache(self._decode, max_bytes=int(cache_mb * _MEGABYTE))

    def __getitem__(self, n: int) -> dict[str, Any]:
        sample = self.sample(n)
        hr = _to_tensor(sample.hr)
        target = hr if sample.hr_target is sample.hr else _to_tensor(sample.hr_target)
        return {"lr": _to_tensor(sample.lr), "hr": hr, "hr_target": target, "index": n}

    def sample(self, n: int) -> TrainingSample:
        """Sample n as arrays, with where it comes from."""
        index, photo, rng = self._draw(n)
        window, upscale = self.window, self.window.upscale
        scale = choose_scale(photo.shape[:2], window.side, self.scales, rng)
        plain = cut_window(photo, window.side, scale, rng)
        if rng.random() < FLIP_PROBABILITY:
            plain = np.ascontiguousarray(plain[:, ::-1])
        # Drawn before degrading, so that HR is the same whatever the degradation is and draws.
        corner = window.draw_corner(rng)
        sharp = plain if self.sharpen is None else self.sharpen(plain)
        if self.target_noise is not None:  # after sharpening, which would make the grain coarser
            noise = self.target_noise(plain, rng)
            plain = add_noise(plain, noise)
            sharp = plain if self.sharpen is None else add_noise(sharp, noise)
        lr = window.crop(self.degradation(sharp, rng), corner, upscale=1)
        hr = window.crop(plain, corner, upscale)
        target = hr if self.sharpen is None else window.crop(sharp, corner, upscale)
        return TrainingSample(lr, hr, target, self.photos.relative(index), scale)

    def _draw(self, n: int) -> tuple[int, Picture, np.random.Generator]:
        for attempt in count():
            rng = sample_rng(self.seed, n, attempt)
            number = len(self.photos)
            index = int(rng.integers(number)) if attempt else photo_index(self.seed, n, number)
            try:
                return index, self._decoded[index], rng
            except UnreadableImageError as error:
                self.bad.add(index, error)  # raises when none is left, so this ends
        raise AssertionError("unreachable")

    def _decode(self, index: int) -> Picture:
        return decode(self.photos[index])


class ValidationPhotos(Dataset[dict[str, Any]]):
    """Whole held-out photos, each degraded in the one way that (seed, i) fixes.

    Args:
        photos: at least one.
        degradation: (hr, rng) → lr, both float32 HWC RGB in [0,1].
        upscale: HR pixels per LR pixel; photos lose up to upscale − 1 pixels at the right and the bottom.
        seed: 0 to 2⁶⁴ − 1.
        target_noise: as in ``TrainingPhotos``.

    Positions beyond the last photo repeat the first ones, with ``counts`` false: processes that share the
    photos take equally many.

    Shape:
        lr (3, h, w) and hr (3, h·upscale, w·upscale) float32 in [0,1]; index: i; name: relative path; counts:
        whether the photo has not been taken before.

    Raises:
        UserError: on access, a photo cannot be read or is smaller than one LR pixel.
    """

    def __init__(
        self,
        photos: PathTable,
        *,
        degradation: Degradation,
        upscale: int,
        seed: int,
        target_noise: Noise | None = None,
    ) -> None:
        check_seed(seed)
        self.target_noise = target_noise
        self.photos = photos
        self.degradation = degradation
        self.upscale = upscale
        self.seed = seed

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, i: int) -> dict[str, Any]:
        i, counts = i % len(self), i < len(self)
        photo = decode(self.photos[i])
        height, width = (side // self.upscale * self.upscale for side in photo.shape[:2])
        if not height or not width:
            raise UserError(f"{self.photos[i]} is smaller than upscale={self.upscale} pixels: remove it")
        hr = to_float(photo[:height, :width])
        rng = sample_rng(self.seed, i, purpose=Purpose.VALIDATION)
        if self.target_noise is not None:
            hr = add_noise(hr, self.target_noise(hr, rng))
        lr = self.degradation(hr, rng)
        name = self.photos.relative(i)
        return {"lr": _to_tensor(lr), "hr": _to_tensor(hr), "index": i, "name": name, "counts": counts}


def _to_tensor(image: Image) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))  # [CHW]
