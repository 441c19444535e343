"""Models in Python: open one, enlarge a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from esrgan_train.errors import UserError
from esrgan_train.inference.models import load_network
from esrgan_train.inference.upscaler import Upscaler


def load_generator(path: str | Path) -> nn.Module:
    """The network of any file that ``python -m esrgan_train.upscale`` takes; no code in it is ever run.

    Args:
        path: ``.pth``, ``.pt``, ``.safetensors`` or ``.ckpt`` (the averaged generator), or ``.onnx``, which ONNX
            Runtime runs on the CPU.

    Returns:
        A float32 module in evaluation mode on the CPU: (B, 3, h, w) RGB in [0, 1] → (B, 3, h·s, w·s), not
        clamped.

    Raises:
        UserError: the file cannot be read, or nobody knows its architecture.
    """
    return load_network(Path(path))


def upscale(image: NDArray[Any], generator: nn.Module, *, tile: int | None = None) -> NDArray[Any]:
    """Enlarge a picture as ``python -m esrgan_train.upscale`` does, in float32: in tiles that join without seams.

    Args:
        image: (h, w, 3) RGB, uint8 or uint16.
        generator: from ``load_generator``; it works on the device where it lies, in evaluation mode.
        tile: side of a tile in pixels; 0 takes the whole picture, None chooses by free memory. A generator that
            looks at the whole picture gets it whole, and takes no tiles.

    Returns:
        (h·s, w·s, 3) of the same type.

    Raises:
        UserError: another kind of image, or tiles that would not join.
        RunError: the result is not finite, or has no room in memory.
    """
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        given = getattr(image, "shape", "")
        raise UserError(f"image is {type(image).__name__} {given}: give a NumPy array (h, w, 3), RGB")
    if image.dtype not in (np.uint8, np.uint16):
        raise UserError(f"image is {image.dtype}: give uint8 or uint16")
    if tile is not None and tile < 0:
        raise UserError(f"tile={tile} is not possible: give a number of pixels, or 0 for no tiles")
    weight = next(generator.parameters(), torch.empty(0))  # an .onnx model shows none
    upscaler = Upscaler(generator.eval(), device=weight.device, precision="32", tile=tile)
    return upscaler(image)
