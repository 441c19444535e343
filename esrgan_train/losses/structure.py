"""Structural similarity as a loss."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from torch import Tensor, nn

from esrgan_train.bounds import Wanted, bounded
from esrgan_train.metrics.similarity import C1, C2, SSIM_WINDOW, moments

LEVEL_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the finest level first, as published

# The similarity of a level, to the power of its weight: at 0, where the two have nothing in common, its slope
# would be infinite.
_LEAST = 1e-4

Levels = Annotated[Annotated[int, Ge(1), Le(len(LEVEL_WEIGHTS))] | None, Wanted("for as many as fit the crop")]


class SSIMLoss(nn.Module):
    """1 − SSIM, of each channel, in all 11×11 windows inside the image; averaged.

    Source: Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004. Unlike
    the metric it neither clamps nor rounds, and cuts no border.

    Shape:
        two (B, C, H, W) around [0, 1], H and W at least 11 → float32 scalar in [0, 2].
    """

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        luminance, contrast = _similarities(sr.float(), hr.float())
        return 1 - (luminance * contrast).mean()


class MSSSIMLoss(nn.Module):
    """1 − MS-SSIM, of each channel; averaged.

    Each level halves the images. With fewer levels than five, the published weights of those that remain are
    scaled to the same sum, 1.

    Source: Wang et al., "Multiscale Structural Similarity for Image Quality Assessment", 2003.

    Args:
        levels: how many; by default as many as the images have room for, at most five: five from 176 pixels on,
            four from 88, three from 44.

    Shape:
        two (B, C, H, W) around [0, 1], H and W at least 11·2^(levels − 1) → float32 scalar in [0, 1].
    """

    @bounded
    def __init__(self, *, levels: Levels = None) -> None:
        super().__init__()
        self.levels = levels

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        sr, hr = sr.float(), hr.float()
        levels = self._fitting(min(sr.shape[-2:]))
        similarity = torch.ones(sr.shape[:2], device=sr.device)
        for level, weight in enumerate(LEVEL_WEIGHTS[:levels], start=1):
            luminance, contrast = _similarities(sr, hr)
            values = luminance * contrast if level == levels else contrast
            mean = values.mean(dim=(-2, -1)).clamp(min=_LEAST)
            similarity = similarity * mean.pow(weight / sum(LEVEL_WEIGHTS[:levels]))
            sr, hr = F.avg_pool2d(sr, 2), F.avg_pool2d(hr, 2)
        return 1 - similarity.mean()

    def _fitting(self, side: int) -> int:
        fitting = (side // SSIM_WINDOW).bit_length()
        if fitting < (self.levels or 1):
            least = SSIM_WINDOW * 2 ** ((self.levels or 1) - 1)
            raise ValueError(f"MS-SSIM of {self.levels or 1} levels needs {least} pixels a side, not {side}")
        return self.levels or min(fitting, len(LEVEL_WEIGHTS))


def _similarities(sr: Tensor, hr: Tensor) -> tuple[Tensor, Tensor]:
    """Of each window, the similarity of luminance, and that of contrast and structure."""
    sr_mean, hr_mean, covariance, variances = moments(sr * 255, hr * 255)
    luminance = (2 * sr_mean * hr_mean + C1) / (sr_mean.square() + hr_mean.square() + C1)
    return luminance, (2 * covariance + C2) / (variances + C2)
