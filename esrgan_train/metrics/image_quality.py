"""PSNR and SSIM as papers on super-resolution report them, in strips of rows, which bounds the memory they take.

Images are two (B, C, H, W) of one shape, RGB or gray, floating point in [0, 1] or uint8; they are clamped, rounded
to 8 bits and lose ``border`` pixels each side, usually the upscale factor. Each image counts alone: the results
are (B,). The Y variants compare luma instead of RGB. ``ValueError``: the shapes differ, or too little is left.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from esrgan_train.metrics.similarity import C1, C2, SSIM_WINDOW, moments

MAX_PSNR = 100.0  # dB; given to identical images in place of infinity, which JSON and means cannot hold
# A strip takes some 250 bytes per pixel: on a CPU its maps stay in the cache, on a GPU 130 MB keep it busy.
_STRIP_PIXELS, _STRIP_PIXELS_ON_GPU = 2**17, 2**19
_LEAST_ROWS = 16  # of a strip; less would filter most rows of a very wide picture twice

Map = Callable[[Tensor, Tensor], Tensor]


def psnr(sr: Tensor, hr: Tensor, border: int) -> Tensor:
    """Peak signal-to-noise ratio on RGB, in dB, at most ``MAX_PSNR``."""
    return _decibels(_mean(_squared_error, sr, hr, border))


def psnr_y(sr: Tensor, hr: Tensor, border: int) -> Tensor:
    """``psnr`` on luma."""
    return _decibels(_mean(_on_luma(_squared_error), sr, hr, border))


def ssim(sr: Tensor, hr: Tensor, border: int) -> Tensor:
    """Structural similarity on RGB, at most 1: per channel, then averaged.

    11×11 Gaussian window of σ 1.5, only where it lies inside the image. Source: Wang et al., "Image Quality
    Assessment: From Error Visibility to Structural Similarity", 2004.
    """
    return _mean(_similarity, sr, hr, border, window=SSIM_WINDOW)


def ssim_y(sr: Tensor, hr: Tensor, border: int) -> Tensor:
    """``ssim`` on luma."""
    return _mean(_on_luma(_similarity), sr, hr, border, window=SSIM_WINDOW)


MEASURES: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {
    measure.__name__: measure for measure in (psnr, ssim, psnr_y, ssim_y)
}


def rgb_to_y(rgb: Tensor) -> Tensor:
    """Luma of ITU-R BT.601 in limited range, unrounded: Y = (16 + 65.481·R + 128.553·G + 24.966·B) / 255.

    One channel is gray, R = G = B: so its figures are those of the same picture in RGB.

    Shape:
        (..., 3, H, W) or (..., 1, H, W), floating point in [0, 1] → (..., 1, H, W), from 16/255 to 235/255.
    """
    rgb = rgb.expand(*rgb.shape[:-3], 3, *rgb.shape[-2:])
    red, green, blue = (rgb.narrow(-3, channel, 1) for channel in range(3))
    return (16.0 + 65.481 * red + 128.553 * green + 24.966 * blue) / 255.0


def _mean(measure: Map, sr: Tensor, hr: Tensor, border: int, window: int = 1) -> Tensor:
    """The mean of each picture's map, which ``measure`` makes from two (B, C, h, w) in [0, 255], in (B,).

    A value of the map depends on ``window`` pixels a side, so the map is ``window`` − 1 rows and columns smaller.
    """
    if sr.shape != hr.shape or sr.dim() != 4:
        raise ValueError(
            f"two (B, C, H, W) of one shape are compared, not {tuple(sr.shape)} and {tuple(hr.shape)}"
        )
    height, width = (side - 2 * border for side in sr.shape[-2:])
    if border < 0 or min(height, width) < 1:
        whole = "×".join(map(str, sr.shape[-2:]))
        raise ValueError(f"an image of {whole} is too small to cut a border of {border} pixels")
    if min(height, width) < window:
        raise ValueError(f"SSIM needs 11×11 pixels inside the border, but there are {height}×{width}")
    pixels = _STRIP_PIXELS if sr.device.type == "cpu" else _STRIP_PIXELS_ON_GPU
    strip, last = max(_LEAST_ROWS, pixels // width), height - window + 1
    means = []
    for top in range(0, last, strip):
        rows = min(strip, last - top)
        pair = (_levels(image, border, top, rows + window - 1) for image in (sr, hr))
        means.append(measure(*pair).mean(dim=(1, 2, 3)) * (rows / last))
    return torch.stack(means).sum(0)


def _levels(image: Tensor, border: int, top: int, rows: int) -> Tensor:
    """Rows of what lies inside the border, as float32 whole numbers in [0, 255]."""
    strip = image[..., border + top : border + top + rows, border : image.shape[-1] - border]
    return strip.float() if strip.dtype == torch.uint8 else (strip.float().clamp(0, 1) * 255).round()


def _on_luma(measure: Map) -> Map:
    return lambda sr, hr: measure(rgb_to_y(sr / 255) * 255, rgb_to_y(hr / 255) * 255)


def _squared_error(sr: Tensor, hr: Tensor) -> Tensor:
    return (sr - hr).square()


def _decibels(squared_error: Tensor) -> Tensor:
    return (10 * torch.log10(255**2 / squared_error)).clamp(max=MAX_PSNR)


def _similarity(sr: Tensor, hr: Tensor) -> Tensor:
    """SSIM of each window: (B, C, h, w) in [0, 255] to (B, C, h − 10, w − 10)."""
    sr_mean, hr_mean, covariance, variances = moments(sr, hr)
    luminance = (2 * sr_mean * hr_mean + C1) / (sr_mean.square() + hr_mean.square() + C1)
    return luminance * (2 * covariance + C2) / (variances + C2)
