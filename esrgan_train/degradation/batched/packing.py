"""Drawings as tensors, which worker processes send and batches stack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from esrgan_train.degradation.blur import trim
from esrgan_train.degradation.drawing import (
    RESIZE_MODES,
    Blur,
    Clamp,
    Drawing,
    HostStep,
    Jpeg,
    Noise,
    Place,
    Resize,
    Step,
)

Packed = dict[str, Tensor]
ENLARGES = "enlarges"  # whether the image ever has more rows or columns than in the beginning


def pack(drawing: Drawing, places: Sequence[Place], size: tuple[int, int]) -> Packed:
    """What each step says, under ``<number of its place>.<name>``; ``happens`` is false where there is no step.

    Kernels are continued by zeros to the largest at that place; an image that is not resized gets its own size,
    ``size`` in the beginning.
    """
    sizes = [(step.height, step.width) for step in drawing if isinstance(step, Resize)]
    packed: Packed = {ENLARGES: torch.as_tensor(any(h > size[0] or w > size[1] for h, w in sizes))}
    for number, (step, place) in enumerate(zip(drawing, places, strict=True)):
        if place.kind is Resize:
            step = step or Resize(*size, RESIZE_MODES[0])
            assert isinstance(step, Resize)
            size = step.height, step.width
        values = {"happens": step is not None} | _values(step, place)
        packed |= {f"{number}.{name}": torch.as_tensor(value) for name, value in values.items()}
    return packed


def _values(step: Step | None, place: Place) -> dict[str, Any]:
    match step or _NOTHING[place.kind]:
        case Blur(kernel):
            return {"kernel": _centred(trim(kernel), place.kernel)}
        case Resize(height, width, mode):
            return {"height": height, "width": width, "mode": RESIZE_MODES.index(mode)}
        case Noise(kind, strength, gray, key):
            amount = np.float32(strength)
            return {"poisson": kind == "poisson", "strength": amount, "gray": gray, "key": key}
        case Jpeg(quality, nearest_chroma):
            return {"quality": quality, "nearest_chroma": nearest_chroma}
        case Clamp():
            return {}
        case HostStep():
            raise ValueError(f"only the CPU renders {type(step).__name__}")


def _centred(kernel: np.ndarray[Any, Any], size: int) -> np.ndarray[Any, Any]:
    margin = (size - len(kernel)) // 2
    return np.pad(kernel.astype(np.float32), margin)


# What stands where nothing happens: values that can be computed with.
_NOTHING: dict[type[Step], Step] = {
    Blur: Blur(np.ones((1, 1))),
    Noise: Noise("gaussian", 0.0, gray=False, key=0),
    Jpeg: Jpeg(95, nearest_chroma=False),
    Clamp: Clamp(),
}
