"""A generator applied to whole pictures, tile by tile."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.devices import multiplies_bf16
from esrgan_train.errors import UserError
from esrgan_train.inference.onnx_model import OnnxNetwork
from esrgan_train.inference.tiling import automatic_tile, cut, receptive_radius

BF16_FOR_8_BITS = "bf16 (32 for 16-bit pictures)"  # whose levels bf16 misses by hundreds


def upscale_tensor(
    network: Callable[[Tensor], Tensor], lr: Tensor, *, tile: int, radius: int, scale: int
) -> Tensor:
    """Enlarge a picture on the device it lies on; equal to ``network(lr)`` up to float rounding.

    Args:
        network: any callable on (1, C, h, w).
        lr: (1, C, h, w) in [0, 1].
        tile: side of a tile in pixels of ``lr``; 0 takes the whole picture at once.
        radius: the network's receptive radius (``tiling.receptive_radius``).
        scale: the network's enlargement.

    Returns:
        (1, C, h·scale, w·scale), not clamped.
    """
    height, width = lr.shape[-2:]
    if not tile or (tile >= height and tile >= width):
        return network(lr)
    sr: Tensor | None = None
    for piece in cut(height, width, tile=tile, radius=radius):
        top, bottom, left, right = piece.outer
        part = _inner(network(lr[..., top:bottom, left:right]), piece.inner, piece.outer, scale)
        if sr is None:
            sr = part.new_empty((*part.shape[:2], height * scale, width * scale))
        t, b, le, r = (scale * edge for edge in piece.inner)
        sr[..., t:b, le:r] = part
    assert sr is not None
    return sr


class Upscaler:
    """A network made ready for pictures: moved, cast once, its reach and enlargement known.

    Args:
        network: in evaluation mode; it is changed in place.
        device: where it works.
        precision: ``32``, ``bf16`` or ``BF16_FOR_8_BITS``.
        tile: side in pixels of the input; 0 takes the whole picture, None chooses by free memory.
    """

    def __init__(self, network: nn.Module, *, device: torch.device, precision: str, tile: int | None) -> None:
        self.device = device
        self.scale = measure_scale(network)
        self.tile = automatic_tile(network, self.scale, device) if tile is None else tile
        self.radius = 0 if self.tile == 0 else receptive_radius(network)
        exact = quick = network.to(device, memory_format=torch.channels_last), torch.float32  # type: ignore[call-overload]
        if precision != "32":
            quick = _in_bf16(copy.deepcopy(network) if precision == BF16_FOR_8_BITS else network)
        self._networks = {
            np.dtype(np.uint8): quick,
            np.dtype(np.uint16): exact if precision == BF16_FOR_8_BITS else quick,
        }

    def __call__(self, image: npt.NDArray[Any], *, tile: int | None = None) -> npt.NDArray[Any]:
        """Enlarge (h, w, 3) uint8 or uint16 to (h·s, w·s, 3) of the same type; only tiles exist as floats."""
        tile = self.tile if tile is None else tile
        height, width = image.shape[:2]
        top_level = float(np.iinfo(image.dtype).max)
        network, dtype = self._networks[image.dtype]
        enlarged = np.empty((height * self.scale, width * self.scale, 3), image.dtype)
        for piece in cut(height, width, tile=tile or max(height, width), radius=self.radius):
            top, bottom, left, right = piece.outer
            levels = np.ascontiguousarray(image[top:bottom, left:right]).astype(np.float32)
            lr = torch.from_numpy(levels / np.float32(top_level)).permute(2, 0, 1)[None]
            with torch.inference_mode():
                sr = network(lr.to(self.device, dtype, memory_format=torch.channels_last))
                part = _inner(sr, piece.inner, piece.outer, self.scale)[0].permute(1, 2, 0).float()
                part = part.nan_to_num(0.0).clamp(0, 1).mul(top_level).round()
            t, b, le, r = (self.scale * edge for edge in piece.inner)
            enlarged[t:b, le:r] = part.cpu().numpy().astype(image.dtype)
        return enlarged


def upscale_image(generator: nn.Module, image: npt.NDArray[Any], device: torch.device) -> npt.NDArray[Any]:
    """Upscale an RGB picture, (h, w, 3) uint8 or uint16, in float32 and in one piece."""
    return Upscaler(generator, device=device, precision="32", tile=0)(image)


def measure_scale(network: nn.Module) -> int:
    """The network's enlargement, read from what it makes of a small picture."""
    weight = next(network.parameters(), torch.empty(0))
    with torch.inference_mode():
        return int(network(torch.zeros(1, 3, 32, 32, device=weight.device, dtype=weight.dtype)).shape[-1]) // 32


def choose_precision(asked: str, device: torch.device, network: nn.Module) -> str:
    """``auto`` takes bf16 for 8-bit pictures where the processor multiplies it natively, else 32.

    Raises:
        UserError: something was asked of an ONNX model, which has its own precision and runs on the CPU.
    """
    if isinstance(network, OnnxNetwork):
        if asked == "bf16":
            raise UserError("--precision bf16 is not possible: an .onnx model computes in its own number format")
        if device.type != "cpu":
            raise UserError(
                f"--device {device} is not possible: an .onnx model runs on the CPU; give --device cpu"
            )
        return "32"
    if asked != "auto":
        return asked
    return BF16_FOR_8_BITS if multiplies_bf16(device.type) else "32"


def _in_bf16(network: nn.Module) -> tuple[nn.Module, torch.dtype]:
    """The network, changed in place, and the number type of its input."""
    if not isinstance(network, SRVGGNetCompact):
        return network.to(torch.bfloat16), torch.bfloat16
    # The enlarged input that the residual is added to keeps its float32.
    network.body.to(torch.bfloat16)
    network.body.register_forward_pre_hook(lambda _, given: (given[0].to(torch.bfloat16),))
    return network, torch.float32


def _inner(sr: Tensor, inner: tuple[int, ...], outer: tuple[int, ...], scale: int) -> Tensor:
    top, left = (inner[0] - outer[0]) * scale, (inner[2] - outer[2]) * scale
    height, width = (inner[1] - inner[0]) * scale, (inner[3] - inner[2]) * scale
    return sr[..., top : top + height, left : left + width]
