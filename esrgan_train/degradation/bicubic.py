"""The classic degradation: a clean, anti-aliased bicubic reduction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image as PillowImage

from esrgan_train.bounds import Count, check_fields
from esrgan_train.degradation.image import Image, check_sides, to_levels
from esrgan_train.images.decode import to_float


@dataclass(frozen=True, kw_only=True)
class BicubicDegradation:
    """Reduce by `upscale` as MATLAB's imresize does: a = −0.5, widened kernel, mirrored borders."""

    upscale: Count = 4

    def __post_init__(self) -> None:
        check_fields(self)

    def __call__(self, hr: Image, rng: np.random.Generator) -> Image:  # noqa: ARG002 (the common signature)
        """(H, W, 3) float32 RGB in [0,1] to (H/upscale, W/upscale, 3), on the 8-bit grid; nothing is random.

        Raises:
            ValueError: a side is not a multiple of `upscale`.
        """
        check_sides(hr, self.upscale)
        channels = [self._reduce(hr[..., channel]) for channel in range(3)]
        return to_float(to_levels(np.stack(channels, axis=-1)))

    def _reduce(self, channel: Image) -> Image:
        # The widened kernel reaches two low-resolution pixels far; Pillow would renormalize it at the border.
        mirrored = np.pad(channel, 2 * self.upscale, mode="symmetric")
        height, width = (side // self.upscale for side in mirrored.shape)
        reduced = PillowImage.fromarray(mirrored).resize((width, height), PillowImage.Resampling.BICUBIC)
        return np.asarray(reduced)[2:-2, 2:-2]
