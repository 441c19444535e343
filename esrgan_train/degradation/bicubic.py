"""The classic degradation: a clean, anti-aliased bicubic reduction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from esrgan_train.degradation.checks import check_sides, check_upscale
from esrgan_train.degradation.levels import from_levels, to_levels

Image = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class BicubicDegradation:
    """Reduce by `upscale` as MATLAB's imresize does: a = −0.5, widened kernel, mirrored borders.

    Attributes:
        upscale: Whole number of at least 1.

    Raises:
        UserError: `upscale` out of bounds.
    """

    upscale: int = 4

    def __post_init__(self) -> None:
        check_upscale(self.upscale)

    def __call__(self, hr: Image, rng: np.random.Generator) -> Image:  # noqa: ARG002 (the common signature)
        """Reduce one image.

        Args:
            hr: (H, W, 3) float32 RGB in [0,1], both sides multiples of `upscale`.
            rng: Not used; nothing is random here.

        Returns:
            (H/upscale, W/upscale, 3) float32 RGB on the 8-bit grid.

        Raises:
            ValueError: a side is not a multiple of `upscale`.
        """
        check_sides(hr, self.upscale)
        # The widened kernel reaches two low-resolution pixels far; Pillow would renormalize it at the border.
        margin = 2 * self.upscale
        mirrored = np.pad(hr, ((margin, margin), (margin, margin), (0, 0)), mode="symmetric")
        height, width = mirrored.shape[0] // self.upscale, mirrored.shape[1] // self.upscale
        channels = [
            PillowImage.fromarray(np.ascontiguousarray(mirrored[..., channel])).resize(
                (width, height), PillowImage.Resampling.BICUBIC
            )
            for channel in range(3)
        ]
        return from_levels(to_levels(np.stack([np.asarray(c) for c in channels], axis=-1)[2:-2, 2:-2]))
