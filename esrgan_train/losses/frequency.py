"""Losses between the Fourier transforms of two images."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from esrgan_train.bounds import NonNegative, bounded


def _spectrum(image: Tensor) -> Tensor:
    # float32 whatever autocast says. "ortho": by Parseval the coefficients are as large as the image's values.
    spectrum: Tensor = torch.fft.fft2(image.float(), norm="ortho")
    return spectrum


class SpectrumLoss(nn.Module):
    """The mean absolute difference of the amplitudes at each frequency, wherever in the image they come from.

    It asks for as much detail as the target has, not for the same pixels, so a pixel loss must stand beside it.
    No gradient comes from a frequency that ``sr`` lacks altogether.

    Shape:
        two (B, C, H, W) around [0, 1] → float32 scalar.
    """

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        return (_spectrum(sr).abs() - _spectrum(hr).abs()).abs().mean()


class FocalFrequencyLoss(nn.Module):
    """The mean squared difference of the Fourier coefficients, each weighted by how wrong it is.

    The weight is abs(difference)^alpha over the largest of the channel, and takes no gradient. With ``alpha`` 0 it
    is the mean squared error of the images.

    Source: Jiang et al., "Focal Frequency Loss for Image Reconstruction and Synthesis", ICCV 2021.

    Shape:
        two (B, C, H, W) around [0, 1] → float32 scalar.
    """

    @bounded
    def __init__(self, *, alpha: NonNegative = 1.0) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        difference = _spectrum(sr) - _spectrum(hr)
        squared = difference.real.square() + difference.imag.square()
        weight = squared.detach().pow(self.alpha / 2)
        largest = weight.amax(dim=(-2, -1), keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
        return (weight / largest * squared).mean()
