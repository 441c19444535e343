"""Batches of drawings for the tests of the batched renderer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from lr_statistics import crop
from torch import Tensor
from torch.utils.data import default_collate

from esrgan_train.degradation import RealESRGANDegradation
from esrgan_train.degradation.batched.packing import Packed
from esrgan_train.degradation.batched.renderer import BatchRenderer
from esrgan_train.degradation.drawing import Drawing, Noise
from esrgan_train.degradation.image import Image

SIDE = 128


def windows(count: int, side: int = SIDE) -> list[Image]:
    """Sharpened windows of photographs."""
    return [crop(index, side) for index in range(count)]


def drawings(count: int, degradation: RealESRGANDegradation, side: int = SIDE) -> list[Drawing]:
    """What the degradation draws for the first windows."""
    return [degradation.draw((side, side), np.random.default_rng([5, index])) for index in range(count)]


def without_noise(drawing: Drawing) -> Drawing:
    """The same, quietly."""
    return tuple(None if isinstance(step, Noise) else step for step in drawing)


def stacked(renderer: BatchRenderer, drawn: Sequence[Drawing]) -> Packed:
    """The drawings as a batch."""
    packed: Packed = default_collate([renderer.pack(drawing) for drawing in drawn])
    return packed


def tensors(images: Sequence[Image]) -> Tensor:
    """(B, 3, H, W)."""
    return torch.stack([torch.from_numpy(image.transpose(2, 0, 1).copy()) for image in images])


def on_canvas(images: Sequence[Image], canvas: tuple[int, int], fill: float = 0.5) -> Tensor:
    """Images of several sizes at the corner of one canvas."""
    canvases = torch.full((len(images), 3, *canvas), fill)
    for place, image in zip(canvases, images, strict=True):
        place[:, : image.shape[0], : image.shape[1]] = torch.from_numpy(image.transpose(2, 0, 1).copy())
    return canvases


def sides(images: Sequence[Image]) -> tuple[Tensor, Tensor]:
    """Heights and widths."""
    return torch.tensor([len(image) for image in images]), torch.tensor([image.shape[1] for image in images])
