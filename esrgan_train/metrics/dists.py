"""DISTS: how different two images look, by the features of VGG16, in texture more than in pixels; lower is better.

Source: Ding et al., "Image Quality Assessment: Unifying Structure and Texture Similarity", TPAMI 2022.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics.aggregation import MeanMetric
from torchmetrics.functional.image.dists import DISTSNetwork
from torchvision.models import VGG16_Weights  # type: ignore[import-untyped]

from esrgan_train.kernels import any_shape, exact_float32

SMALLEST = 64  # pixels a side, as for LPIPS
URL: str = VGG16_Weights.IMAGENET1K_V1.url
_MOST = 512  # pixels a side of the middle that is measured: VGG16 takes a second and 0.5 GB for these on two cores


class Dists(torch.nn.Module):
    """The mean DISTS over all images of all processes. The weights must be in torch.hub's cache.

    Of larger images the middle 512 × 512 pixels are measured; the measure was fitted to images of 256.
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = DISTSNetwork()
        self.metric = MeanMetric()

    @torch.no_grad()
    def update(self, sr: Tensor, hr: Tensor) -> None:
        """Add images, two (B, 3 or 1, H, W) in [0, 1], rounded to 8 bits as for the other metrics."""
        with torch.autocast(sr.device.type, enabled=False), exact_float32(), any_shape():
            sr, hr = ((_middle(image).float().clamp(0, 1) * 255).round() / 255 for image in (sr, hr))
            self.metric.update(self.network(sr.expand(-1, 3, -1, -1), hr.expand(-1, 3, -1, -1)))

    def compute(self) -> Tensor:
        """The mean so far; resets it."""
        value: Tensor = self.metric.compute()
        self.metric.reset()
        return value


def _middle(image: Tensor) -> Tensor:
    for dim in (-2, -1):
        kept = min(image.shape[dim], _MOST)
        image = image.narrow(dim, (image.shape[dim] - kept) // 2, kept)
    return image
