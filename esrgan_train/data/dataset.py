"""Samples made from photos: the training pairs that are drawn from the stream, and the held-out photos."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from esrgan_train.data.held_out import HeldOut
from esrgan_train.data.mixture import Mixture
from esrgan_train.data.samples import FLIP_PROBABILITY, SampleStream, TrainingSample
from esrgan_train.data.stream import Purpose, sample_rng
from esrgan_train.data.window import Window, check_gt_size, check_scales, choose_scale, cut_window
from esrgan_train.degradation.target_noise import add_noise
from esrgan_train.errors import UserError
from esrgan_train.images.crop import middle
from esrgan_train.images.decode import Picture, decode, to_float
from esrgan_train.images.find import PathTable

Image = NDArray[np.float32]  # (H, W, 3) RGB in [0,1]
Degradation = Callable[[Image, np.random.Generator], Image]
Sharpen = Callable[[Image], Image]
Noise = Callable[[Image, np.random.Generator], Image]


class TrainingPhotos(SampleStream[Picture]):
    """Samples cut from photos and degraded.

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
        photos: PathTable | Mixture,
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
        check_gt_size(gt_size, upscale)
        super().__init__(photos, seed=seed, cache_mb=cache_mb, max_bad_fraction=max_bad_fraction)
        self.degradation = degradation
        self.sharpen = sharpen
        self.target_noise = target_noise
        self.scales = check_scales(scales)
        self.window = Window(gt_size, upscale)

    @property
    def needed_side(self) -> int:
        """HR pixels a photo's shorter side must have, or it is continued by its reflection."""
        return self.window.side

    def make(self, index: int, photo: Picture, rng: np.random.Generator) -> TrainingSample:
        """Cut a window at one of the scales, flip it, degrade it, and crop both sides."""
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

    def decode(self, index: int) -> Picture:
        """The photo's pixels."""
        return decode(self.photos[index])


class ValidationPhotos(HeldOut):
    """Held-out photos, each degraded in the one way that (seed, i) fixes; see ``HeldOut``.

    Args:
        photos: at least one.
        degradation: (hr, rng) → lr, both float32 HWC RGB in [0,1].
        upscale: HR pixels per LR pixel; photos lose up to upscale − 1 pixels at the right and the bottom.
        seed: 0 to 2⁶⁴ − 1.
        max_size: HR pixels a side to which larger photos are cut, from their middle; None takes all.
        max_bad_fraction: share of the photos that may be unreadable.
        clean: a second way to reduce the same photos, shown as ``lr_clean``; None leaves that out.
        target_noise: as in ``TrainingPhotos``.

    Shape:
        as ``HeldOut``; lr_clean as lr.

    Raises:
        UserError: a value is out of bounds; on access, a photo is smaller than one LR pixel.
    """

    def __init__(
        self,
        photos: PathTable | Mixture,
        *,
        degradation: Degradation,
        upscale: int,
        seed: int,
        max_size: int | None,
        max_bad_fraction: float,
        clean: Degradation | None = None,
        target_noise: Noise | None = None,
    ) -> None:
        super().__init__(photos, upscale=upscale, seed=seed, max_size=max_size, max_bad_fraction=max_bad_fraction)
        self.degradation = degradation
        self.clean = clean
        self.target_noise = target_noise

    def read(self, i: int) -> dict[str, Image]:
        """The middle of the photo, and what it is degraded to."""
        hr = self._middle_of(i)
        rng = sample_rng(self.seed, i, purpose=Purpose.VALIDATION)
        if self.target_noise is not None:
            hr = add_noise(hr, self.target_noise(hr, rng))
        images = {"lr": self.degradation(hr, rng), "hr": hr}
        return images if self.clean is None else {**images, "lr_clean": self.clean(hr, rng)}

    def _middle_of(self, i: int) -> Image:
        photo = decode(self.photos[i])  # as 8 or 16 bits, and no longer than this function
        rows, columns = (middle(side, most=self.max_size, step=self.upscale) for side in photo.shape[:2])
        part = photo[rows, columns]
        if not part.size:
            raise UserError(f"{self.photos[i]} is smaller than upscale={self.upscale} pixels: remove it")
        return to_float(part)
