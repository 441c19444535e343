"""The perceptual loss: a distance between VGG19 features."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from esrgan_train.bounds import NonNegative, Seed, bounded, check_value
from esrgan_train.errors import UserError, given_as
from esrgan_train.losses.vgg import CONVS, VGG19Features
from esrgan_train.losses.vgg_weights import file_weights, imagenet_weights, random_weights

PUBLISHED_LAYERS = MappingProxyType(
    {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1.0, "conv4_4": 1.0, "conv5_4": 1.0}
)


class PerceptualLoss(nn.Module):
    """The weighted sum of L1 distances between the features of two images, before the ReLUs.

    It owns no parameters and its state dict is empty. Under autocast the convolutions run in the lower
    precision, the distances in float32.

    Source: Wang et al., "ESRGAN", ECCV Workshops 2018 (before the ReLU); the layers are Real-ESRGAN's.

    Args:
        features: ``imagenet`` (torchvision's weights), ``random`` (``vgg_weights.random_weights``) or the
            path of a torchvision VGG19 state dict.
        layers: the weight of each layer.
        seed: of the random features.

    Shape:
        two (B, 3, H, W), RGB, or (B, 1, H, W), gray, in [0, 1], H and W at least 16 → float32 scalar. No gradient
        reaches the second.
    """

    holds_network = True  # so it is called under autocast, see ``Stage.content``

    @bounded
    def __init__(
        self,
        *,
        features: str = "imagenet",
        layers: Mapping[str, float] = PUBLISHED_LAYERS,
        seed: Seed = 0,
    ) -> None:
        super().__init__()
        self.layers = _checked(layers)
        self.vgg = VGG19Features(_weights(features, seed), self.layers)

    def forward(self, sr: Tensor, hr_target: Tensor) -> Tensor:
        """Return the loss, a scalar."""
        with torch.no_grad():
            wanted = self.vgg(hr_target)
        actual = self.vgg(sr)
        with torch.autocast(sr.device.type, enabled=False):
            terms = [
                weight * F.l1_loss(actual[name].float(), wanted[name].float())
                for name, weight in self.layers.items()
            ]
            return torch.stack(terms).sum()


def _weights(features: str, seed: int) -> dict[str, Tensor]:
    if features == "imagenet":
        return imagenet_weights()
    if features == "random":
        return random_weights(seed)
    file = Path(features).expanduser()
    if not file.is_file():
        raise UserError(f"loss.perceptual.features={features} is no file; give imagenet, random or a VGG19 file")
    with given_as("loss.perceptual.features="):
        return file_weights(file)


def _checked(layers: Mapping[str, float]) -> dict[str, float]:
    names = [conv.name for conv in CONVS]
    for name, weight in layers.items():
        if name not in names:
            raise UserError(
                f"loss.perceptual.function.layers.{name} is no layer of VGG19; give {names[0]} … {names[-1]}"
            )
        check_value(f"loss.perceptual.function.layers.{name}", weight, NonNegative)
    used = {name: float(weight) for name, weight in layers.items() if weight > 0}
    if not used:
        raise UserError(
            "loss.perceptual.function.layers gives no layer a weight above 0; use loss.perceptual.weight=0"
        )
    return used
