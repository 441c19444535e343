"""Model files opened and applied: what the commands and Python programs call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from esrgan_train.allocator import keep_freed_memory
from esrgan_train.bounds import WholeNumber, check_value
from esrgan_train.errors import UserError, given_as
from esrgan_train.images.photo import gray_of
from esrgan_train.inference.failures import naming
from esrgan_train.inference.onnx_model import OnnxNetwork
from esrgan_train.inference.openvino_model import Openvino, check_openvino
from esrgan_train.inference.upscaler import Upscaler, inference_precision
from esrgan_train.modelfiles.finite import check_weights
from esrgan_train.modelfiles.rebuild import rebuild_generator
from esrgan_train.modelfiles.weights import load_weights
from esrgan_train.starters.catalogue import located


def load_generator(path: str | Path) -> nn.Module:
    """The network of a ``.pth``, ``.pt``, ``.safetensors``, ``.ckpt`` or ``.onnx`` file; no code in it is run.

    A ``.ckpt`` gives the averaged generator; ONNX Runtime runs an ``.onnx`` model. The name of a starter model,
    such as ``x2_photo``, stands for its file.

    Returns:
        A float32 module in evaluation mode on the CPU: (B, 3, h, w) RGB in [0, 1] → (B, 3, h·s, w·s), not
        clamped; of a model of one channel (``colour``) both have one.

    Raises:
        UserError: the file cannot be read, or its architecture is unknown.
    """
    path = located(path)
    if path.suffix.lower() == ".onnx":
        return OnnxNetwork(path).eval()
    return rebuild_generator(load_weights(path))


def upscale(image: NDArray[Any], generator: nn.Module, *, tile: int | None = None) -> NDArray[Any]:
    """Enlarge a picture as ``python -m esrgan_train.upscale`` does, in float32: in tiles that join without seams.

    Args:
        image: (h, w, 3) RGB or (h, w) gray, uint8 or uint16.
        generator: from ``load_generator``, on any device; it is put into evaluation mode. One of a single channel
            enlarges luma, and bicubic interpolation the colours.
        tile: side of a tile in pixels; 0 takes the whole picture, None chooses by free memory.

    Returns:
        (h·s, w·s, 3) or (h·s, w·s), of the same type.

    Raises:
        UserError: another kind of image, or tiles for a generator that looks at the whole picture.
        RunError: the result is not finite, or does not fit into memory.
    """
    is_gray = isinstance(image, np.ndarray) and image.ndim == 2
    if not is_gray and (not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3):
        given = getattr(image, "shape", "")
        raise UserError(f"image is {type(image).__name__} {given}: give a NumPy array (h, w, 3), RGB")
    if not image.size:
        raise UserError(f"image is {image.shape}, without a pixel: give a picture")
    if image.dtype not in (np.uint8, np.uint16):
        raise UserError(f"image is {image.dtype}: give uint8 or uint16")
    if tile is not None:
        check_value("tile", tile, WholeNumber)
    weight = next(generator.parameters(), torch.empty(0))  # an .onnx model shows none
    upscaler = Upscaler(generator.eval(), device=weight.device, precision="32", tile=tile)
    return gray_of(upscaler(np.dstack([image] * 3))) if is_gray else upscaler(image)


def open_upscaler(
    model: Path, *, device: str, precision: str, tile: int | None, runtime: str = "torch"
) -> Upscaler:
    """Read a model and make it ready; the arguments are the commands' options."""
    model = located(model)
    if runtime == "openvino":
        check_openvino(device)
        device = "cpu"
    where = pick_device(device)
    if where.type == "cpu":
        keep_freed_memory()
    with given_as("--model "):
        network = load_generator(model)
    check_weights(network, str(model))
    chosen = inference_precision(precision, where, network)
    engine = Openvino(model) if runtime == "openvino" else None
    with naming(model, "making the model ready", "free some memory, or give --device cpu"):
        return Upscaler(network, device=where, precision=chosen, tile=tile, runtime=engine)


def pick_device(name: str) -> torch.device:
    """``auto`` takes the GPU if there is one. ``UserError`` for a device that is not there."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"--device {name} cannot be used: {reason}; give cpu or auto") from error
    return device
