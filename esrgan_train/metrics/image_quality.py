"""PSNR and SSIM as papers on super-resolution report them.

Both images are clamped to [0, 1] and rounded to 8 bits, a border is cut off, and each image counts alone. The
Y variants compare luma (BT.601, 16–235, not rounded) instead of RGB.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from esrgan_train.images.colour import rgb_to_y

MAX_PSNR = 100.0  # dB; given to identical images in place of infinity, which JSON and means cannot hold
_SSIM_RADIUS = 5  # 11×11 window


def psnr(sr: Tensor, hr: Tensor, border: int) -> Tensor:
    """Return the peak signal-to-noise ratio on RGB, in dB, at most ``MAX_PSNR``.

    Args:
        sr: (B, 3, H, W) RGB in [0, 1].
        hr: the same shape.
        border: pixels cut off each side, usually the upscale factor.

    Returns:
        (B,) one value per image.

    Raises:
        ValueError: the shapes differ or nothing is left inside the border.
    """
    return _psnr(_prepare(sr, border), _prepare(hr, border))


def psnr_y(sr: Tensor, hr: Tensor, border: int) -> Tensor:
    """Return ``psnr`` on luma."""
    return _psnr(_luma(_prepare(sr, border)), _luma(_prepare(hr, border)))


def ssim(sr: Tensor, hr: Tensor, border: int) -> Tensor:
    """Return the structural similarity on RGB: per channel, then averaged.

    11×11 Gaussian window of σ 1.5, only where it lies inside the image. Source: Wang et al., "Image Quality
    Assessment: From Error Visibility to Structural Similarity", 2004.

    Args:
        sr: (B, 3, H, W) RGB in [0, 1].
        hr: the same shape.
        border: pixels cut off each side, usually the upscale factor.

    Returns:
        (B,) one value per image, at most 1.

    Raises:
        ValueError: the shapes differ or fewer than 11 pixels are left inside the border.
    """
    return _ssim(_prepare(sr, border), _prepare(hr, border))


def ssim_y(sr: Tensor, hr: Tensor, border: int) -> Tensor:
    """Return ``ssim`` on luma."""
    return _ssim(_luma(_prepare(sr, border)), _luma(_prepare(hr, border)))


class ImageQuality(Metric):
    """The means of ``psnr``, ``ssim``, ``psnr_y`` and ``ssim_y`` over all images of all processes.

    Args:
        border: pixels cut off each side, usually the upscale factor.
    """

    is_differentiable = False
    full_state_update = False

    sums: Tensor
    count: Tensor

    def __init__(self, *, border: int) -> None:
        super().__init__()
        self.border = border
        self.add_state("sums", torch.zeros(4), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, sr: Tensor, hr: Tensor) -> None:
        """Add images, two (B, 3, H, W) in [0, 1]; sizes may differ from call to call."""
        rgb = _prepare(sr, self.border), _prepare(hr, self.border)
        luma = _luma(rgb[0]), _luma(rgb[1])
        scores = [_psnr(*rgb), _ssim(*rgb), _psnr(*luma), _ssim(*luma)]
        self.sums += torch.stack([score.sum() for score in scores])
        self.count += len(sr)

    def compute(self) -> dict[str, Tensor]:
        """Return the means by name."""
        means = self.sums / self.count
        return dict(zip(("psnr", "ssim", "psnr_y", "ssim_y"), means, strict=True))


def _prepare(image: Tensor, border: int) -> Tensor:
    height, width = image.shape[-2:]
    if border < 0 or min(height, width) <= 2 * border:
        raise ValueError(f"an image of {height}×{width} is too small to cut a border of {border} pixels")
    image = image[..., border : height - border, border : width - border]
    return (image.float().clamp(0, 1) * 255).round()


def _luma(rgb: Tensor) -> Tensor:
    """(B, 3, H, W) in [0, 255] → (B, 1, H, W) in [16, 235]."""
    return rgb_to_y(rgb / 255) * 255


def _psnr(sr: Tensor, hr: Tensor) -> Tensor:
    _check_shapes(sr, hr)
    value = peak_signal_noise_ratio(sr, hr, data_range=255.0, reduction="none", dim=(1, 2, 3))
    return value.clamp(max=MAX_PSNR)


def _ssim(sr: Tensor, hr: Tensor) -> Tensor:
    _check_shapes(sr, hr)
    height, width = sr.shape[-2:]
    if min(height, width) < 2 * _SSIM_RADIUS + 1:
        raise ValueError(f"SSIM needs 11×11 pixels inside the border, but there are {height}×{width}")
    if sr.is_cuda:  # where float32 convolutions may run in TF32, with too few digits for variances
        sr, hr = sr.double(), hr.double()
    with torch.autocast(sr.device.type, enabled=False):  # bf16 has fewer still
        maps = structural_similarity_index_measure(
            sr, hr, data_range=255.0, reduction="none", return_full_image=True
        )[1]
    inside = slice(_SSIM_RADIUS, -_SSIM_RADIUS)  # torchmetrics pads by reflection, so cut that off
    return maps[..., inside, inside].mean(dim=(1, 2, 3)).float()


def _check_shapes(sr: Tensor, hr: Tensor) -> None:
    if sr.shape != hr.shape or sr.dim() != 4:
        raise ValueError(
            f"two (B, 3, H, W) of one shape are compared, not {tuple(sr.shape)} and {tuple(hr.shape)}"
        )
