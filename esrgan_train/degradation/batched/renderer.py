"""Carrying out the drawings of a batch with torch, on any device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from esrgan_train.degradation.batched.blur import blur_batch
from esrgan_train.degradation.batched.borders import inside
from esrgan_train.degradation.batched.exactness import all_digits
from esrgan_train.degradation.batched.jpeg import BatchedJpeg
from esrgan_train.degradation.batched.noise import BatchedNoise, uniform_numbers
from esrgan_train.degradation.batched.packing import ENLARGES, Packed, pack
from esrgan_train.degradation.batched.parts import in_parts, room
from esrgan_train.degradation.batched.resize import resize_batch
from esrgan_train.degradation.drawing import Blur, Clamp, Drawing, Jpeg, Noise, Place, Resize


@runtime_checkable
class Drawable(Protocol):
    """A degradation that is drawn before it is carried out."""

    def draw(self, size: tuple[int, int], rng: np.random.Generator) -> Drawing:
        """What happens to an image of that (height, width)."""

    def places(self, size: tuple[int, int]) -> tuple[Place, ...]:
        """The places of all drawings for that (height, width)."""


def stays_on_host(name: str) -> bool:
    """Whether the packed value ``name`` is read by the host, where it seeds random numbers and sorts."""
    return name == ENLARGES or name.endswith(".key")


class BatchRenderer(nn.Module):
    """Renders what a degradation draws for images of one size, as ``rendering.render`` does but for the noise.

    Blurred and resized values differ by less than 1e-5, JPEG is the same bit for bit, and noise is other numbers
    of the same distribution. An image's result depends on nothing but the image and its drawing; CUDA's libraries
    may sum in another order for a batch of another size. The number of kernels does not grow with the batch, but
    for one that starts each noise of a sample, and large batches are rendered in parts. Images that are enlarged
    on the way are a part of their own, so that the others, most of them, do without the room.

    Args:
        degradation: what draws.
        size: (height, width) of the images.
    """

    def __init__(self, degradation: Drawable, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.places = degradation.places(size)
        self.rooms = {False: room(self.places, size), True: self.places}
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
            hr: (B, 3, H, W) float32 RGB, nominally in [0, 1].
            packed: the drawings as ``moved`` gives them.

        Shape:
            (B, 3, h, w) on the 8-bit grid, of the size after the last place.
        """
        parts = in_parts(packed[ENLARGES], self.rooms)
        with all_digits(hr.device):
            if len(parts) == 1:
                return self._render(hr, packed, parts[0].places)
            order = [image for part in parts for image in part.images]
            back = sorted(range(len(order)), key=order.__getitem__)
            there = torch.tensor([order, back], device="cpu").to(hr.device, non_blocking=True)
            lengths = [len(part.images) for part in parts]
            images = torch.split(hr.index_select(0, there[0]), lengths)
            drawings = _split({name: _sorted(value, order, there[0]) for name, value in packed.items()}, lengths)
            results = [
                self._render(image, drawing, part.places)
                for image, drawing, part in zip(images, drawings, parts, strict=True)
            ]
            return torch.cat(results).index_select(0, there[1])

    def _render(self, hr: Tensor, packed: Mapping[str, Any], places: Sequence[Place]) -> Tensor:
        images = hr
        heights, widths = (torch.full((len(hr),), side, device=hr.device, dtype=torch.int64) for side in self.size)
        for number, place in enumerate(places):
            step = {k.partition(".")[2]: v for k, v in packed.items() if k.startswith(f"{number}.")}
            if place.kind is Resize:
                after = step["height"], step["width"]
                canvas = place.height, place.width
                images = resize_batch(images, (heights, widths), after, step["mode"], canvas)
                heights, widths = after
            else:
                images = self._carry_out(place, step, images, heights, widths)
        levels = images.clamp(0, 1).mul_(255).round_()
        # By a plain number CUDA multiplies with its reciprocal, which gives other last digits.
        return levels.div_(torch.full((), 255.0, device=hr.device))

    def _carry_out(
        self, place: Place, step: Mapping[str, Any], images: Tensor, heights: Tensor, widths: Tensor
    ) -> Tensor:
        """A step that leaves the size; images whose drawing has none at this place stay as they are."""
        happens = step["happens"].view(-1, 1, 1, 1)
        if place.kind is Clamp:
            return images.clamp(torch.where(happens, 0.0, -torch.inf), torch.where(happens, 1.0, torch.inf))
        if place.kind is Noise:
            assert self.noise is not None
            size = (images.shape[2], images.shape[3])
            uniform = uniform_numbers([int(key) for key in step["key"]], size, images.device)
            valid = inside(heights, widths, size)
            noisy: Tensor = self.noise(images, valid, uniform, step["poisson"], step["strength"], step["gray"])
            return noisy
        if place.kind is Blur:
            changed = blur_batch(images, heights, widths, step["kernel"])
        else:
            assert self.jpeg is not None
            changed = self.jpeg(images, heights, widths, step["quality"], step["nearest_chroma"])
        return torch.where(happens, changed, images)


def _sorted(values: Any, order: Sequence[int], there: Tensor) -> Any:
    """Values of each image, a tensor or a list, in another order, which is ``there`` on the device."""
    return values.index_select(0, there) if isinstance(values, Tensor) else [values[image] for image in order]


def _split(packed: Mapping[str, Any], lengths: Sequence[int]) -> list[dict[str, Any]]:
    """Packed drawings in parts of these lengths."""
    stops = list(accumulate(lengths))
    spans = [slice(stop - length, stop) for stop, length in zip(stops, lengths, strict=True)]
    return [{name: value[span] for name, value in packed.items()} for span in spans]
