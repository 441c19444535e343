"""LPIPS: how different two images look, by the features of AlexNet; lower is better.

Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
from torchvision.models import AlexNet_Weights  # type: ignore[import-untyped]

from esrgan_train.downloads import hub_file
from esrgan_train.kernels import any_shape, exact_float32

SMALLEST = 64  # pixels a side; AlexNet's pooling leaves nothing of much smaller images
URL: str = AlexNet_Weights.IMAGENET1K_V1.url


def weights_file() -> Path:
    """Where torch.hub keeps torchvision's AlexNet."""
    return hub_file(URL)


class Lpips(torch.nn.Module):
    """The mean LPIPS over all images of all processes. The weights must be in torch.hub's cache."""

    def __init__(self) -> None:
        super().__init__()
        self.metric = LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)

    @torch.no_grad()
    def update(self, sr: Tensor, hr: Tensor) -> None:
        """Add images, two (B, 3 or 1, H, W) in [0, 1], rounded to 8 bits as for the other metrics."""
        with torch.autocast(sr.device.type, enabled=False), exact_float32(), any_shape():
            sr, hr = ((image.float().clamp(0, 1) * 255).round() / 255 for image in (sr, hr))
            self.metric.update(sr.expand(-1, 3, -1, -1), hr.expand(-1, 3, -1, -1))

    def compute(self) -> Tensor:
        """The mean so far; resets it."""
        value: Tensor = self.metric.compute()
        self.metric.reset()
        return value
