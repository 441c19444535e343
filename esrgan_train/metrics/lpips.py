"""LPIPS: how different two images look, by the features of AlexNet; lower is better.

Source: Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
from torchvision.models import AlexNet_Weights  # type: ignore[import-untyped]

from esrgan_train.downloads import FAILURES, fetch_into_hub, hub_file
from esrgan_train.errors import UserError
from esrgan_train.kernels import any_shape, exact_float32

SMALLEST = 64  # pixels a side; AlexNet's pooling leaves nothing of much smaller images
URL: str = AlexNet_Weights.IMAGENET1K_V1.url


def weights_file() -> Path:
    """Where torch.hub keeps torchvision's AlexNet."""
    return hub_file(URL)


def fetch_weights() -> None:
    """Fetch AlexNet (244 MB) into torch.hub's cache, unless it is there.

    Raises:
        UserError: it cannot be fetched; the message says where to put it.
    """
    try:
        fetch_into_hub(URL)
    except FAILURES as error:
        raise cannot_be_fetched(error) from error


def cannot_be_fetched(error: BaseException) -> UserError:
    """What to do without the network."""
    folder = weights_file().parent
    return UserError(
        f"callbacks.lpips.use=true: {URL} cannot be fetched ({error}); put that file into {folder}, or give "
        "callbacks.lpips.use=false"
    )


class Lpips(torch.nn.Module):
    """The mean LPIPS over all images of all processes. The weights must be in torch.hub's cache."""

    def __init__(self) -> None:
        super().__init__()
        self.metric = LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)

    @torch.no_grad()
    def update(self, sr: Tensor, hr: Tensor) -> None:
        """Add images, two (B, 3, H, W) in [0, 1], rounded to 8 bits as for the other metrics."""
        with torch.autocast(sr.device.type, enabled=False), exact_float32(), any_shape():
            self.metric.update(*((image.float().clamp(0, 1) * 255).round() / 255 for image in (sr, hr)))

    def compute(self) -> Tensor:
        """The mean so far; resets it."""
        value: Tensor = self.metric.compute()
        self.metric.reset()
        return value
