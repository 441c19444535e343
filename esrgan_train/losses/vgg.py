"""The convolutional part of VGG19 as a fixed feature extractor."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCKS = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))  # convolutions and channels, a max-pool in between
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Conv(NamedTuple):
    """One 3×3 convolution: its name in the literature and its place in torchvision's ``features``."""

    name: str
    place: int
    in_channels: int
    out_channels: int
    pool_before: bool


def _convs() -> Iterator[Conv]:
    place, in_channels = 0, 3
    for block, (count, channels) in enumerate(BLOCKS, start=1):
        for number in range(1, count + 1):
            yield Conv(f"conv{block}_{number}", place, in_channels, channels, block > 1 and number == 1)
            place, in_channels = place + 2, channels  # a ReLU follows
        place += 1  # the pool


CONVS = tuple(_convs())


class VGG19Features(nn.Module):
    """Returns the outputs of chosen convolutions, before their ReLU.

    The weights are buffers that no optimizer sees and no checkpoint stores.

    Args:
        weights: torchvision's VGG19 state dict; only ``features.*`` down to the last chosen layer is used.
        layers: names such as ``conv3_4``.

    Shape:
        (B, 3, H, W) RGB in [0, 1], H and W at least 16 for the deepest layers → one (B, C, H/2ᵇ, W/2ᵇ) each. Of
        gray, (B, 1, H, W), each channel is that one.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, weights: Mapping[str, Tensor], layers: Collection[str]) -> None:
        super().__init__()
        self.layers = frozenset(layers)
        depth = max(number for number, conv in enumerate(CONVS, start=1) if conv.name in self.layers)
        self.convs = CONVS[:depth]
        for conv in self.convs:
            for kind in ("weight", "bias"):
                tensor = weights[f"features.{conv.place}.{kind}"].detach().float().clone()
                self.register_buffer(f"{conv.name}_{kind}", tensor, persistent=False)
        self._cast: dict[tuple[torch.dtype, torch.device], list[tuple[Tensor, Tensor]]] = {}
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Return the features by layer name."""
        height, width = image.shape[-2:]
        smallest = 2 ** sum(conv.pool_before for conv in self.convs)
        if min(height, width) < smallest:
            raise ValueError(f"VGG19 needs images of at least {smallest}×{smallest} here, not {height}×{width}")
        x = (image - self.mean) / self.std  # which makes three channels of one
        features = {}
        for conv, (weight, bias) in zip(self.convs, self._weights(image.device), strict=True):
            if conv.pool_before:
                x = F.max_pool2d(x, 2)
            x = F.conv2d(x, weight, bias, padding=1)
            if conv.name in self.layers:
                features[conv.name] = x
            x = F.relu(x, inplace=conv.name not in self.layers)  # in place it would spoil the features
        return features

    def _weights(self, device: torch.device) -> list[tuple[Tensor, Tensor]]:
        """Each convolution's weight and bias in autocast's number format; autocast would cast them at each use."""
        weights = [
            (self.get_buffer(f"{conv.name}_weight"), self.get_buffer(f"{conv.name}_bias")) for conv in self.convs
        ]
        if not torch.is_autocast_enabled(device.type) or torch.compiler.is_compiling():
            return weights
        key = torch.get_autocast_dtype(device.type), device
        if key not in self._cast:
            with torch.inference_mode(mode=False):  # they must serve training too
                self._cast = {key: [(weight.to(key[0]), bias.to(key[0])) for weight, bias in weights]}
        return self._cast[key]
