"""Held-out photos as validation takes them: the middle of each, and a stand-in for one that cannot be read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset

from esrgan_train.data.bad_photos import BadPhotos
from esrgan_train.data.mixture import Mixture
from esrgan_train.data.samples import to_tensor
from esrgan_train.data.stream import check_seed
from esrgan_train.errors import UserError
from esrgan_train.images.decode import UnreadableImageError
from esrgan_train.images.find import PathTable

Image = NDArray[np.float32]  # (H, W, 3) RGB in [0,1]

LEAST_MAX_SIZE = 64  # pixels; at ×16 it leaves what SSIM needs inside the border


class HeldOut(Dataset[dict[str, Any]], ABC):
    """Held-out photos, each the same at every validation.

    A photo that cannot be read, and a position beyond the last photo, is one black LR pixel with ``counts``
    false: processes that share the photos take equally many.

    Args:
        photos: at least one.
        upscale: HR pixels per LR pixel; photos lose up to upscale − 1 pixels at the right and the bottom.
        seed: 0 to 2⁶⁴ − 1.
        max_size: HR pixels a side to which larger photos are cut, from their middle; None takes all.
        max_bad_fraction: share of the photos that may be unreadable; see ``bad``.

    Shape:
        lr (3, h, w) and hr (3, h·upscale, w·upscale) float32 in [0,1]; index: i; name: relative path;
        counts: whether it is a photo that has not been taken before.

    Raises:
        UserError: a value is out of bounds; on access, a photo is smaller than one LR pixel.
    """

    def __init__(
        self,
        photos: PathTable | Mixture,
        *,
        upscale: int,
        seed: int,
        max_size: int | None,
        max_bad_fraction: float,
    ) -> None:
        check_seed(seed)
        if max_size is not None and (not isinstance(max_size, int) or max_size < LEAST_MAX_SIZE):
            raise UserError(
                f"data.val_max_size={max_size!r}: give a whole number from {LEAST_MAX_SIZE} on, or null for "
                "whole photos"
            )
        self.photos = photos
        self.upscale = upscale
        self.seed = seed
        self.max_size = max_size
        self.bad = BadPhotos(
            photos,
            max_fraction=max_bad_fraction,
            kind="held-out",
            consequence="it is left out of the figures",
        )

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, i: int) -> dict[str, Any]:
        i, counts = i % len(self), i < len(self)
        if counts:
            try:
                images = self.read(i)
            except UnreadableImageError as error:
                self.bad.add(i, str(error))
                counts = False
        if not counts:
            images = {"lr": _black(1), "hr": _black(self.upscale)}
        tensors = {name: to_tensor(image) for name, image in images.items()}
        return {**tensors, "index": i, "name": self.photos.relative(i), "counts": counts}

    @abstractmethod
    def read(self, i: int) -> dict[str, Image]:
        """``lr`` and ``hr`` of photo i, and what else there is; ``UnreadableImageError`` if there are none."""


def _black(side: int) -> Image:
    return np.zeros((side, side, 3), np.float32)
