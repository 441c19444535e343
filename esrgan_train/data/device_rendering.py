"""Training samples as windows and drawings, and the batch that the training device makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import default_collate

from esrgan_train.data.augment.batch import augment_batch
from esrgan_train.data.augment.choice import Augmentations
from esrgan_train.data.augment.pair import Pair
from esrgan_train.data.channels import batch_as_seen
from esrgan_train.data.flat import Layout
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.window import Window
from esrgan_train.degradation.batched.renderer import Drawable, stays_on_host
from esrgan_train.degradation.batched.usm import usm_sharpen_batch
from esrgan_train.degradation.drawing import Drawing
from esrgan_train.degradation.image import Image
from esrgan_train.images.decode import Picture

Batch = dict[str, Any]

PARTNER = "partner"  # what a worker gives of a second sample, within what it gives of the first
DRAWN = ("window", "corner", "drawing")

_WIDER = 257  # v/255 is exactly (257·v)/65535


class Renderer(Protocol):
    """Carries out drawings of one degradation on a whole batch: ``degradation.batched.renderer.BatchRenderer``."""

    def pack(self, drawing: Drawing) -> dict[str, Tensor]:
        """The drawing as tensors of fixed shapes and types."""

    def to(self, device: torch.device) -> Renderer:
        """The renderer itself, moved."""

    def __call__(self, hr: Tensor, packed: Mapping[str, Any]) -> Tensor:
        """(B, 3, H, W) float32 in [0,1] to (B, 3, h, w) on the 8-bit grid; see ``stays_on_host``."""


class Images(NamedTuple):
    """A sample as arrays, (H, W, 3) or of one channel, float32 in [0,1]."""

    lr: Image
    hr: Image
    hr_target: Image


class DeviceRendering:
    """What workers give where the training device makes the images, and what it makes of that.

    Args:
        degradation: draws.
        renderer: of that degradation, for windows of the stream.
        options: of the stream.
        device: on which a single sample is made, where somebody wants to look at it.
        augmentations: of the stream.
    """

    def __init__(
        self,
        degradation: Drawable,
        renderer: Renderer,
        options: StreamOptions,
        *,
        device: torch.device,
        augmentations: Augmentations | None = None,
    ) -> None:
        self.degradation = degradation
        self.renderer = renderer  # on the CPU, so that workers may hold it; ``on`` copies it
        self.window = Window(options.gt_size, options.upscale)
        self.usm = options.usm
        self.colour = options.colour
        self.device = device
        self.augmentations = augmentations
        side = self.window.side
        self.layout = Layout(renderer.pack(degradation.draw((side, side), np.random.default_rng(0))))

    def draw(self, window: Picture, corner: tuple[int, int], rng: np.random.Generator) -> dict[str, Tensor]:
        """What a worker gives: the window as it is, the crop's corner in LR pixels, and what happens to it.

        Shape:
            window (side, side, 3) uint8 or uint16, corner (2,) int64, drawing (length of the layout,) uint8.
        """
        drawing = self.renderer.pack(self.degradation.draw((window.shape[0], window.shape[1]), rng))
        pixels = torch.from_numpy(np.array(window))  # a copy: it may be a view of a mapped file, or flipped
        return {"window": pixels, "corner": torch.tensor(corner), "drawing": self.layout.flat(drawing)}

    def on(self, device: torch.device) -> Callable[[Batch], Batch]:
        """What makes batches on ``device``."""
        return BatchMaker(self, device)

    def alone(self, sample: Mapping[str, Any], n: int) -> Images:
        """Sample ``n`` of what ``draw`` gives, as any batch would hold it."""
        columns = {name: default_collate(column) for name, column in in_rows([sample]).items()}
        made = self.on(self.device)({**columns, "index": torch.tensor([n])})
        return as_arrays(Pair(*(made[name][0] for name in Pair._fields)))


class BatchMaker:
    """Makes the batches that the networks take of windows and drawings on the host; does not wait for the device.

    Rows after the B samples are their partners, see ``in_rows``; the samples are altered on the device too.

    Shape:
        window (B + P, side, side, 3), corner (B + P, 2), drawing (B + P, length), index (B,) → lr (B, 3, h, w), hr
        and hr_target (B, 3, h·s, w·s) float32 in [0,1], of one channel unless ``colour`` is rgb; ``hr_target`` is
        ``hr`` itself unless the recipe sharpens. Other entries stay, tensors among them on the device.
    """

    def __init__(self, rendering: DeviceRendering, device: torch.device) -> None:
        self.device = device
        self.layout, self.window, self.usm = rendering.layout, rendering.window, rendering.usm
        self.colour = rendering.colour
        self.augmentations = rendering.augmentations
        self.renderer = deepcopy(rendering.renderer).to(device)

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Batch:
        """The batch on the device."""
        there = {name: self._moved(value) for name, value in batch.items()}
        pixels, corner, rows = (there.pop(name) for name in DRAWN)
        plain = to_float_batch(pixels)
        sharp = usm_sharpen_batch(plain) if self.usm else plain
        lr = self.renderer(sharp, self._drawings(batch["drawing"], rows))
        gt_size, upscale = self.window
        hr = batch_as_seen(crops(plain, corner * upscale, gt_size), self.colour)
        target = batch_as_seen(crops(sharp, corner * upscale, gt_size), self.colour) if self.usm else hr
        images = Pair(batch_as_seen(crops(lr, corner, gt_size // upscale), self.colour), hr, target)
        if self.augmentations is not None:
            images = augment_batch(images, batch["index"].tolist(), self.augmentations)
        return {**images._asdict(), **there}

    def _moved(self, value: Any) -> Any:
        return value.to(self.device, non_blocking=True) if isinstance(value, Tensor) else value

    def _drawings(self, rows: Tensor, there: Tensor) -> dict[str, Any]:
        """Of the drawings on the host and on the device, what the renderer takes of either."""
        here = self.layout.apart(rows)
        found = self.layout.apart(there)
        return {name: here[name].tolist() if stays_on_host(name) else found[name] for name in found}


def to_float_batch(windows: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 or uint16 to (B, 3, H, W) float32, bit for bit as ``images.decode.to_float``."""
    # A divisor on the device: by a plain number, CUDA multiplies with its reciprocal, which is not the same.
    most = torch.full((), torch.iinfo(windows.dtype).max, dtype=torch.float32, device=windows.device)
    levels = windows.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)
    return levels.div_(most)


def crops(images: Tensor, corners: Tensor, side: int) -> Tensor:
    """Of each image (B, C, H, W) the square that starts at its row and column in ``corners`` (B, 2).

    Shape:
        (B, C, side, side).
    """
    lines = corners[:, :, None] + torch.arange(side, device=images.device)  # (B, 2, side)
    number = torch.arange(len(images), device=images.device)[:, None, None]
    found = images.permute(0, 2, 3, 1)[number, lines[:, 0, :, None], lines[:, 1, None, :]]  # (B, side, side, C)
    return found.permute(0, 3, 1, 2)


def as_arrays(pair: Pair) -> Images:
    """The images of one sample, on any device."""
    return Images(*(image.permute(1, 2, 0).cpu().numpy() for image in pair))


def in_rows(samples: Sequence[Mapping[str, Any]]) -> dict[str, list[Tensor]]:
    """What workers draw for a batch, by name: for its samples, then for the partners of those that take one.

    Windows of 8 and 16 bits become 16, see ``of_one_depth``.
    """
    drawn = [*samples, *(sample[PARTNER] for sample in samples if PARTNER in sample)]
    rows = {name: [each[name] for each in drawn] for name in DRAWN}
    return rows | {"window": of_one_depth(rows["window"])}


def of_one_depth(windows: Sequence[Tensor]) -> list[Tensor]:
    """The windows as they are, or all as uint16 if some are; their float values are exactly the same."""
    if len({window.dtype for window in windows}) == 1:
        return list(windows)
    return [w if w.dtype == torch.uint16 else _widened(w) for w in windows]


def _widened(window: Tensor) -> Tensor:
    return torch.from_numpy(window.numpy().astype(np.uint16) * np.uint16(_WIDER))
