"""Training samples as windows and drawings, and the batch that the training device makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from lightning.fabric.utilities import move_data_to_device
from torch import Tensor
from torch.utils.data import default_collate

from esrgan_train.data.options import StreamOptions
from esrgan_train.data.window import Window
from esrgan_train.degradation.batched.usm import usm_sharpen_batch
from esrgan_train.degradation.drawing import Drawing
from esrgan_train.degradation.image import Image
from esrgan_train.images.decode import Picture

Batch = dict[str, Any]

_WIDER = 257  # v/255 is exactly (257·v)/65535
_CONSUMED = ("window", "corner", "drawing")


class Drawable(Protocol):
    """A degradation that tells what happens to an image without doing it."""

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> Drawing:
        """What happens to an image of that (height, width)."""


class Renderer(Protocol):
    """Carries out drawings of one degradation on a whole batch, as ``degradation.batched`` does."""

    def pack(self, drawing: Drawing) -> dict[str, Tensor]:
        """The drawing as tensors that stack."""

    def __call__(self, hr: Tensor, packed: Mapping[str, Tensor]) -> Tensor:
        """(B, 3, H, W) float32 in [0,1] to (B, 3, h, w) on the 8-bit grid."""


class Images(NamedTuple):
    """A sample as arrays, (H, W, 3) float32 in [0,1]."""

    lr: Image
    hr: Image
    hr_target: Image


class DeviceRendering:
    """Makes samples of a window and a drawing, batch by batch, on whatever device these are on.

    Args:
        degradation: draws.
        renderer: of that degradation, for windows of the stream.
        options: of the stream.
        device: on which a single sample is made, where somebody wants to look at it.
    """

    def __init__(
        self, degradation: Drawable, renderer: Renderer, options: StreamOptions, *, device: torch.device
    ) -> None:
        self.degradation = degradation
        self.renderer = renderer
        self.window = Window(options.gt_size, options.upscale)
        self.usm = options.usm
        self.device = device

    def draw(self, window: Picture, corner: tuple[int, int], rng: np.random.Generator) -> dict[str, Any]:
        """What a worker gives: the window as it is, the crop's corner in LR pixels, and what happens to it.

        Shape:
            window (side, side, 3) uint8 or uint16, corner (2,) int64, drawing as ``Renderer.pack`` gives it.
        """
        drawing = self.degradation.draw((window.shape[0], window.shape[1]), rng)
        pixels = torch.from_numpy(np.array(window))  # a copy: it may be a view of a mapped file, or flipped
        return {"window": pixels, "corner": torch.tensor(corner), "drawing": self.renderer.pack(drawing)}

    @torch.no_grad()
    def __call__(self, batch: Mapping[str, Any]) -> Batch:
        """The batch that the networks take, without waiting for the device.

        Shape:
            window (B, side, side, 3), corner (B, 2) and drawing → lr (B, 3, h, w), hr and hr_target (B, 3, h·s,
            w·s) float32 in [0,1]; ``hr_target`` is ``hr`` itself unless the recipe sharpens. Others stay.
        """
        plain = to_float_batch(batch["window"])
        sharp = usm_sharpen_batch(plain) if self.usm else plain
        lr = self.renderer(sharp, batch["drawing"])
        (gt_size, upscale), corner = self.window, batch["corner"]
        hr = crops(plain, corner * upscale, gt_size)
        target = crops(sharp, corner * upscale, gt_size) if self.usm else hr
        others = {name: value for name, value in batch.items() if name not in _CONSUMED}
        return {"lr": crops(lr, corner, gt_size // upscale), "hr": hr, "hr_target": target, **others}

    def alone(self, sample: Mapping[str, Any]) -> Images:
        """One sample, as any batch would hold it."""
        made = self(move_data_to_device(default_collate([dict(sample)]), self.device))
        return Images(*(made[name][0].permute(1, 2, 0).cpu().numpy() for name in Images._fields))


def to_float_batch(windows: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 or uint16 to (B, 3, H, W) float32, bit for bit as ``images.decode.to_float``."""
    # A divisor on the device: by a plain number, CUDA multiplies with its reciprocal, which is not the same.
    most = torch.full((), torch.iinfo(windows.dtype).max, dtype=torch.float32, device=windows.device)
    levels = windows.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
    return levels.div_(most)


def crops(images: Tensor, corners: Tensor, side: int) -> Tensor:
    """Of each image (B, C, H, W) the square whose first row and column ``corners`` (B, 2) says: (B, C, side, side)."""
    lines = corners[:, :, None] + torch.arange(side, device=images.device)  # (B, 2, side)
    number = torch.arange(len(images), device=images.device)[:, None, None]
    return images.permute(0, 2, 3, 1)[number, lines[:, 0, :, None], lines[:, 1, None, :]].permute(0, 3, 1, 2)


def of_one_depth(windows: Sequence[Tensor]) -> list[Tensor]:
    """The windows as they are, or all as uint16 if some are; their float values are exactly the same."""
    if len({window.dtype for window in windows}) == 1:
        return list(windows)
    return [w if w.dtype == torch.uint16 else _widened(w) for w in windows]


def _widened(window: Tensor) -> Tensor:
    return torch.from_numpy(window.numpy().astype(np.uint16) * np.uint16(_WIDER))
