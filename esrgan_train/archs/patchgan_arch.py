"""PatchGAN discriminators with spectral normalization, at one size of the image and at several."""

from __future__ import annotations

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from esrgan_train.archs.discovery import discriminator
from esrgan_train.archs.spectral_conv import SpectralConv2d
from esrgan_train.bounds import Count, bounded

_MOST = 8  # times ``num_feat``: the channels do not double further


@discriminator("patchgan")
class PatchGAN(nn.Module):
    """Judges overlapping patches: 70 pixels wide with three strided layers, 34 with two, 16 with one.

    ``num_layers`` convolutions of stride 2 that double the channels, one of stride 1, and one to the logits; each
    4×4 and with spectral normalization. It sees textures and not the whole picture.

    Source: Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017, and Miyato
    et al., "Spectral Normalization", ICLR 2018, in place of batch normalization.

    Shape:
        (B, num_in_ch, H, W) in [0, 1] → logits (B, 1, H/2ⁿ − 2, W/2ⁿ − 2), rounded down; positive for real.
    """

    casts_at_once = True  # its layers' weights, see ``training.casting``

    @bounded
    def __init__(
        self,
        num_in_ch: Count = 3,
        num_feat: Count = 64,  # channels of the first layer
        num_layers: Count = 3,  # that halve the image
    ) -> None:
        super().__init__()
        self.least_side = 3 * 2**num_layers
        widths = [num_feat * min(2**layer, _MOST) for layer in range(num_layers + 1)]
        layers = [SpectralConv2d(num_in_ch, num_feat, 4, stride=2, bias=True)]
        for before, width in pairwise(widths):
            stride = 1 if len(layers) == num_layers else 2
            layers.append(SpectralConv2d(before, width, 4, stride=stride, bias=True))
        layers.append(SpectralConv2d(widths[-1], 1, 4, bias=True))
        self.layers = nn.ModuleList(layers)

    def forward(self, image: Tensor) -> Tensor:
        """Return one logit per patch."""
        if min(image.shape[-2:]) < self.least_side:
            raise ValueError(
                f"a discriminator of this depth takes sides from {self.least_side} pixels on, not "
                f"{image.shape[-2]}×{image.shape[-1]}; give fewer discriminator.num_layers, or larger crops"
            )
        x = image
        for layer in self.layers[:-1]:
            x = F.leaky_relu(layer(x), 0.2, inplace=True)
        logits: Tensor = self.layers[-1](x)
        return logits


@discriminator("multiscale_patchgan")
class MultiscalePatchGAN(nn.Module):
    """One PatchGAN for the image, one for its half, one for its quarter: textures and structures of three sizes.

    Source: Wang et al., "High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs"
    (pix2pixHD), CVPR 2018, section 3.2.

    Shape:
        (B, num_in_ch, H, W) in [0, 1] → a list of logits as ``PatchGAN`` makes them, the whole image's first.
    """

    casts_at_once = True  # its layers' weights, see ``training.casting``

    @bounded
    def __init__(
        self,
        num_in_ch: Count = 3,
        num_feat: Count = 64,  # channels of each first layer
        num_layers: Count = 3,  # of each, that halve the image
        num_scales: Count = 3,  # sizes at which the image is judged
    ) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchGAN(num_in_ch, num_feat, num_layers) for _ in range(num_scales))

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the logits of each size."""
        logits = []
        for number, judge in enumerate(self.scales):
            if number:
                image = F.avg_pool2d(image, 3, stride=2, padding=1, count_include_pad=False)
            logits.append(judge(image))
        return logits
