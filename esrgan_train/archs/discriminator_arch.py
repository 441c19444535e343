"""The discriminator of Real-ESRGAN: a U-Net with spectral normalization."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from esrgan_train.archs.cpu.weight_gradient import Conv3x3
from esrgan_train.archs.discovery import discriminator
from esrgan_train.archs.spectral_conv import SpectralConv2d
from esrgan_train.bounds import Count, bounded


@discriminator("unet_sn")
class UNetDiscriminatorSN(nn.Module):
    """Judges every pixel of an image as real or generated.

    Three strided convolutions down, three bilinear enlargements up, then three more convolutions. Parameters
    and buffers have the names, shapes and order of the published network (``conv1.weight_orig``, …), which
    leaves the first and the last convolution without normalization.

    Source: Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data",
    2021, section 3.4.

    Shape:
        (B, num_in_ch, H, W) in [0, 1], H and W multiples of 8 → logits (B, 1, H, W), positive for real.
    """

    casts_at_once = True  # its layers' weights, see ``training.casting``

    @bounded
    def __init__(
        self,
        num_in_ch: Count = 3,
        num_feat: Count = 64,  # channels at full resolution; the bottleneck has eight times as many
        skip_connection: bool = True,  # add the features of the way down to those of the way up
        normalize_ends: bool = False,  # the first and the last convolution too; published weights do not fit then
    ) -> None:
        super().__init__()
        self.num_in_ch = num_in_ch
        self.num_feat = num_feat
        self.skip_connection = skip_connection
        self.normalize_ends = normalize_ends

        self.conv0 = self._end(num_in_ch, num_feat)
        self.conv1 = SpectralConv2d(num_feat, num_feat * 2, 4, stride=2)
        self.conv2 = SpectralConv2d(num_feat * 2, num_feat * 4, 4, stride=2)
        self.conv3 = SpectralConv2d(num_feat * 4, num_feat * 8, 4, stride=2)
        self.conv4 = SpectralConv2d(num_feat * 8, num_feat * 4, 3, doubles=True)
        self.conv5 = SpectralConv2d(num_feat * 4, num_feat * 2, 3, doubles=True)
        self.conv6 = SpectralConv2d(num_feat * 2, num_feat, 3, doubles=True)
        self.conv7 = SpectralConv2d(num_feat, num_feat, 3)
        self.conv8 = SpectralConv2d(num_feat, num_feat, 3)
        self.conv9 = self._end(num_feat, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return one logit per pixel."""
        height, width = image.shape[-2:]
        if height % 8 or width % 8:
            raise ValueError(
                "the discriminator takes images whose height and width are multiples of 8, not "
                f"{height}×{width}; crop them to {height // 8 * 8}×{width // 8 * 8}"
            )
        x0 = _leaky(self.conv0(image))  # (B, f, H, W)
        x1 = _leaky(self.conv1(x0))  # (B, 2f, H/2, W/2)
        x2 = _leaky(self.conv2(x1))  # (B, 4f, H/4, W/4)
        x = _leaky(self.conv3(x2))  # (B, 8f, H/8, W/8)
        for conv, before in ((self.conv4, x2), (self.conv5, x1), (self.conv6, x0)):
            x = _leaky(conv(x))
            x = x + before if self.skip_connection else x
        logits: Tensor = self.conv9(_leaky(self.conv8(_leaky(self.conv7(x)))))
        return logits

    def _end(self, in_channels: int, out_channels: int) -> nn.Module:
        if self.normalize_ends:
            return SpectralConv2d(in_channels, out_channels, 3, bias=True)
        return Conv3x3(in_channels, out_channels)


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2, inplace=True)
