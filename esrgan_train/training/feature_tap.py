"""The features of a discriminator, taken while it judges."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from esrgan_train.archs.spectral_conv import SpectralConv2d


class FeatureTap:
    """Collects what the convolutions of a network make, but for logits: outputs of one channel.

    An activation that works in place has been applied to them. Make it before the network is compiled. Within
    ``with tap as features``, ``features`` fills with (B, C, h, w), in the order of the pass.
    """

    def __init__(self, network: nn.Module) -> None:
        self._features: list[Tensor] | None = None
        layers = [layer for layer in network.modules() if isinstance(layer, (nn.Conv2d, SpectralConv2d))]
        for layer in layers:
            layer.register_forward_hook(self._keep)

    def __enter__(self) -> list[Tensor]:
        self._features = []
        return self._features

    def __exit__(self, *_: object) -> None:
        self._features = None

    def _keep(self, _layer: nn.Module, _inputs: Any, output: Tensor) -> None:
        if self._features is not None and output.shape[1] > 1:
            self._features.append(output)
