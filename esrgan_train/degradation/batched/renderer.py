"""Carrying out the drawings of a batch with torch, on any device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from esrgan_train.degradation.batched.blur import blur_batch
from esrgan_train.degradation.batched.borders import inside
from esrgan_train.degradation.batched.jpeg import BatchedJpeg
from esrgan_train.degradation.batched.noise import BatchedNoise, uniform_numbers
from esrgan_train.degradation.batched.packing import Packed, pack
from esrgan_train.degradation.batched.resize import resize_batch
from esrgan_train.degradation.drawing import Blur, Clamp, Drawing, Jpeg, Noise, Place, Resize
from esrgan_train.kernels import exact_float32

# What is worked on at once; larger batches are rendered in parts. An image takes about twenty times the bytes of
# its largest canvas: noise's random numbers and JPEG's blocks above all.
_MOST_BYTES = 2**30
_COPIES = 20


@runtime_checkable
class Drawable(Protocol):
    """A degradation that is drawn before it is carried out."""

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> Drawing:
        """What happens to an image of that (height, width)."""

    def places(self, size: tuple[int, int]) -> tuple[Place, ...]:
        """The places of all drawings for that (height, width)."""


def stays_on_host(name: str) -> bool:
    """Whether the packed value ``name`` is read by the host, where it seeds random numbers."""
    return name.endswith(".key")


class BatchRenderer(nn.Module):
    """Renders what a degradation draws for images of one size, as ``rendering.render`` does but for the noise.

    Blurred and resized values differ by less than 1e-5, JPEG is the same bit for bit, and noise is other numbers
    of the same distribution. An image's result depends on nothing but the image and its drawing. The number of
    kernels does not grow with the batch, except that each noise of a sample starts one.

    Args:
        degradation: what draws.
        size: (height, width) of the images.
    """

    def __init__(self, degradation: Drawable, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.places = degradation.places(size)
        kinds = {place.kind for place in self.places}
        self.jpeg = BatchedJpeg() if Jpeg in kinds else None
        self.noise = BatchedNoise() if Noise in kinds else None

    def pack(self, drawing: Drawing) -> Packed:
        """A drawing as tensors of sizes that are the same for all, to be stacked into batches."""
        return pack(drawing, self.places, self.size)

    def moved(self, packed: Mapping[str, Tensor], device: torch.device) -> dict[str, Any]:
        """Stacked drawings on a device, without waiting for it; keys, which seed there, become whole numbers."""
        return {
            name: value.tolist() if stays_on_host(name) else value.to(device, non_blocking=True)
            for name, value in packed.items()
        }

    @torch.no_grad()
    def forward(self, hr: Tensor, packed: Mapping[str, Any]) -> Tensor:
        """Render a batch.

        Args:
            hr: (B, 3, *size) float32 RGB, nominally in [0, 1].
            packed: the drawings as ``moved`` gives them.

        Shape:
            (B, 3, h, w) on the 8-bit grid, of the size after the last place.
        """
        largest = max(4 * 3 * place.height * place.width for place in self.places)
        part = max(1, _MOST_BYTES // (_COPIES * largest))
        with exact_float32(), torch.autocast(hr.device.type, enabled=False):
            parts = [
                self._render(hr[start : start + part], {k: v[start : start + part] for k, v in packed.items()})
                for start in range(0, len(hr), part)
            ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _render(self, hr: Tensor, packed: Mapping[str, Any]) -> Tensor:
        images = hr
        heights, widths = (torch.full((len(hr),), side, device=hr.device, dtype=torch.int64) for side in self.size)
        for number, place in enumerate(self.places):
            step = {k.partition(".")[2]: v for k, v in packed.items() if k.startswith(f"{number}.")}
            if place.kind is Resize:
                after = step["height"], step["width"]
                canvas = place.height, place.width
                images = resize_batch(images, (heights, widths), after, step["mode"], canvas)
                heights, widths = after
            else:
                images = self._carry_out(place, step, images, heights, widths)
        return (images.clamp(0, 1) * 255).round() / 255

    def _carry_out(
        self, place: Place, step: Mapping[str, Any], images: Tensor, heights: Tensor, widths: Tensor
    ) -> Tensor:
        """A step that leaves the size; images whose drawing has none at this place stay as they are."""
        if place.kind is Clamp:
            changed = images.clamp(0, 1)
        elif place.kind is Blur:
            changed = blur_batch(images, heights, widths, step["kernel"])
        elif place.kind is Jpeg:
            assert self.jpeg is not None
            changed = self.jpeg(images, heights, widths, step["quality"], step["nearest_chroma"])
        else:
            assert self.noise is not None
            size = (images.shape[2], images.shape[3])
            uniform = uniform_numbers([int(key) for key in step["key"]], size, images.device)
            valid = inside(heights, widths, size)
            amounts = step["poisson"], step["strength"], step["gray"]
            changed = images + self.noise(images, valid, uniform, *amounts)
        return torch.where(step["happens"].view(-1, 1, 1, 1), changed, images)
