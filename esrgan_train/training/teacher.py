"""A trained model that a generator learns from."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from esrgan_train.archs.folding import fold
from esrgan_train.inference.geometry import Geometry
from esrgan_train.training.precision import Precision


class Teacher:
    """A network that never changes. As no part of a training module, it is in no checkpoint and no optimizer.

    It moves to the device of the first picture that it is given.

    Args:
        network: (B, 3, h, w) in [0, 1] to (B, 3, h·scale, w·scale).
        geometry: what it requires of a picture's size; pictures are padded to that.
    """

    def __init__(self, network: nn.Module, geometry: Geometry) -> None:
        self.network = fold(network).eval().requires_grad_(False)
        self.geometry = geometry

    def __str__(self) -> str:
        size = sum(p.numel() for p in self.network.parameters())
        return f"{type(self.network).__name__} ×{self.geometry.scale}, {size:,} parameters, which stay as they are"

    @torch.no_grad()
    def __call__(self, lr: Tensor, precision: Precision) -> Tensor:
        """Its output for a batch, in a run's precision, as float32."""
        self.network.to(lr.device)
        height, width = lr.shape[-2:]
        more = [self.geometry.fit(side) - side for side in (width, height)]
        mode = "reflect" if max(more) < min(height, width) else "replicate"
        # A copy also where nothing is added: a network may work in place on its input.
        padded = F.pad(lr, (0, more[0], 0, more[1]), mode=mode) if any(more) else lr.clone()
        scale = self.geometry.scale
        return precision.forward(self.network, padded)[..., : height * scale, : width * scale]
