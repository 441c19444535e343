"""Options of the stream of samples: the ``data`` group without what its source takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, MinLen

from esrgan_train.bounds import Count, Fraction, NonNegative, Seed, Wanted, WholeNumber, check_fields
from esrgan_train.data.reading import CACHE_GB, CacheFolder, Order
from esrgan_train.errors import UserError
from esrgan_train.images.colour import Colour
from esrgan_train.remote.store import PATIENCE

_DISCRIMINATOR_STEP = 8  # the U-Net halves its input three times

Scale = Annotated[float, Gt(0), Le(1)]
LeastSize = Annotated[int, Ge(64)]  # pixels; at ×16 it leaves what SSIM needs inside the border


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """How photos become batches. A new option is a field here and a line in conf/data/base.yaml.

    Attributes:
        gt_size: side of the HR crop in pixels, a multiple of lcm(8, upscale).
        batch_size: samples per process that go through the networks at once.
        accumulate: such batches per iteration; a batch of the loader holds them all.
        num_workers: worker processes, or ``auto``: the cores that this process may use minus one.
        usm: sharpen HR for ``hr_target``, and before degrading.
        cache_mb: decoded photos kept per worker, in MiB.
        max_bad_fraction: share of the training photos, and of the held-out ones, that may be unreadable.
        val_max_size: larger held-out photos are cut to their middle, this many HR pixels a side; None cuts none.
        val_lr_dir: folder of low-quality pictures without HR, enlarged at each validation; a source that takes it
            has the LR side of its held-out pairs there.
        overfit_samples: train and validate on this many fixed samples alone; None uses all photos.
        scales: at which photos are used. Pairs are used as they are.
        val_clean: also validate on a clean bicubic reduction.
        val_draws: draws of the degradation for each held-out photo; all of them count. Pairs have none.
        colour: of the pictures that networks see, see ``data.channels``.
        order: of the photos of packed sets, see ``data.reading``.
        remote_cache_gb: bytes of the cache of packed sets that lie elsewhere, in GB; 0 for none.
        remote_cache_dir: its folder; None: in the user's folder of caches.
        remote_patience: seconds for which a part of such a set that does not come is tried.
        rotate: turn samples by quarter turns too, besides flipping them: all eight symmetries of the square.

    Raises:
        UserError: a value is out of bounds.
    """

    upscale: Count
    seed: Seed
    gt_size: Annotated[int, Ge(8)]
    batch_size: Count
    accumulate: Count
    num_workers: Literal["auto"] | WholeNumber
    usm: bool
    cache_mb: NonNegative
    max_bad_fraction: Fraction
    val_max_size: LeastSize | None = None
    val_lr_dir: Annotated[str | Path | None, Wanted("a folder")] = None
    overfit_samples: Count | None = None
    scales: Annotated[Sequence[Scale], MinLen(1), Wanted("such as [1,0.75,0.5]")] = (1.0,)
    val_clean: bool = False
    val_draws: Count = 1
    colour: Colour = "rgb"
    rotate: bool = False
    order: Order = "auto"
    remote_cache_gb: NonNegative = CACHE_GB
    remote_cache_dir: CacheFolder = None
    remote_patience: NonNegative = PATIENCE

    def __post_init__(self) -> None:
        check_fields(self, at="data.")
        step = math.lcm(_DISCRIMINATOR_STEP, self.upscale)  # both networks must be able to take the crop
        if self.gt_size % step:
            below = self.gt_size // step * step
            nearest = f"{below} or {below + step}" if below else f"{step}"
            raise UserError(
                f"data.gt_size={self.gt_size} is not a multiple of {step} "
                f"(lcm of {_DISCRIMINATOR_STEP} and upscale={self.upscale}): give {nearest}"
            )
