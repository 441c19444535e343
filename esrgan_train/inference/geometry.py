"""How large a picture has to be for a network, how much it enlarges, and how far it looks: found by trying."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.inference.onnx_model import OnnxNetwork

_ENOUGH = 64  # pixels a side; networks of the field that need more are not known
_MULTIPLES = (1, 2, 4, 8, 16, 32)
# A block in the middle of a picture is changed. 48 and 16 are multiples of what most sides have to be.
FARTHEST, _BLOCK = 48, 16
_SIDE = 2 * FARTHEST + _BLOCK
# Equal up to rounding, as a part of the largest value.
_ROUNDING, _HALF_ROUNDING = 1e-4, 1e-2


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """What a network asks of a picture's size, and what it makes of it.

    Attributes:
        scale: the enlargement.
        radius: how many pixels away an input pixel still changes an output pixel, in multiples of ``multiple``;
            None where no end was found: the network may look at the whole picture.
        multiple: what a picture's sides, and the places where tiles start, have to be multiples of.
        least: the smallest side in pixels.
    """

    scale: int
    radius: int | None
    multiple: int = 1
    least: int = 1

    def fit(self, side: int) -> int:
        """The smallest side not below ``side`` that the network takes."""
        return max(self.least, math.ceil(side / self.multiple) * self.multiple)


@torch.inference_mode()
def measure(network: nn.Module) -> Geometry:
    """The geometry of a network: of the compact one it is known, any other is tried on a few pictures.

    What is tried is a copy in evaluation mode and float32 on the CPU, so the network and its gradients, buffers
    and mode stay as they are.

    Raises:
        UserError: it does not enlarge RGB pictures by a whole number.
    """
    if isinstance(network, SRVGGNetCompact):
        return Geometry(scale=network.upscale, radius=network.num_conv + 2)
    if isinstance(network, OnnxNetwork):
        tried: nn.Module = network
        rounding = _HALF_ROUNDING if network.is_half else _ROUNDING
    else:
        tried, rounding = deepcopy(network).to("cpu", torch.float32).eval(), _ROUNDING
    scale, multiple = enlargement(tried)
    if isinstance(network, OnnxNetwork) and network.radius is not None:
        return Geometry(scale=scale, radius=network.radius)
    radius, multiple = _reach(tried, scale, multiple, rounding)
    least = next((side for side in _MULTIPLES if side >= multiple and _takes(tried, side)), _ENOUGH)
    return Geometry(scale=scale, radius=radius, multiple=multiple, least=least)


@torch.inference_mode()
def enlargement(network: nn.Module) -> tuple[int, int]:
    """The scale, and the smallest number of which a picture's sides have to be multiples; found by trying.

    Args:
        network: in evaluation mode and float32 on the CPU.

    Raises:
        UserError: it does not enlarge RGB pictures by a whole number.
    """
    reason = ""
    for multiple in _MULTIPLES:
        # Two sides that differ, and that are multiples of nothing greater.
        height, width = _ENOUGH + multiple, _ENOUGH + 3 * multiple
        try:
            size = tuple(_run(network, _noise(height, width)).shape)
        except ValueError as error:
            reason = reason or f"of {width}×{height} pixels it says: {error}"
            continue
        scale = size[-1] // width
        if scale and size == (1, 3, height * scale, width * scale):
            return scale, multiple
        reason = reason or f"of (1, 3, {height}, {width}) it makes {size}"
    raise UserError(
        f"{type(network).__name__} does not enlarge RGB pictures by a whole number ({reason}); give a "
        "super-resolution model of RGB pictures"
    )


def _reach(network: nn.Module, scale: int, multiple: int, rounding: float) -> tuple[int | None, int]:
    """The radius, or None, and the number of which the places where tiles start have to be multiples.

    What is not a number makes everything that is computed of it not a number, whatever weights and activations
    it meets: one block of it shows the whole reach. Only operations that replace it (some runtimes' max) hide
    it, so numbers are changed too, by little and by much.
    """
    if _SIDE % multiple:
        return None, multiple
    lr, noise = _noise(_SIDE, _SIDE), _noise(_BLOCK, _BLOCK)
    changed = _changed(_run(network, _altered(lr, math.nan)).isnan(), scale)
    if _in_units(changed, 1) >= FARTHEST:
        return None, multiple
    sr = _run(network, lr)
    for block in (noise, 1e4 * noise):
        changed |= _changed(_run(network, _altered(lr, block)) != sr, scale)
    if _in_units(changed, 1) >= FARTHEST:
        return None, multiple
    for step in (step for step in _MULTIPLES if multiple <= step <= _BLOCK):
        radius = step * _in_units(changed, step)
        if _may_start_at(network, lr, sr, step, radius, scale, rounding):
            return radius, step
    return None, multiple


def _altered(lr: Tensor, block: Tensor | float) -> Tensor:
    altered = lr.clone()
    altered[..., FARTHEST:-FARTHEST, FARTHEST:-FARTHEST] = block
    return altered


def _changed(differs: Tensor, scale: int) -> Tensor:
    """Per pixel of the input, whether any value of its enlargement differs; (side, side)."""
    return nn.functional.max_pool2d(differs.any(1, keepdim=True).float(), scale)[0, 0] > 0


def _in_units(changed: Tensor, unit: int) -> int:
    """How many units of ``unit`` pixels the changed pixels lie away from the block, at most."""
    rows, columns = (torch.nonzero(changed.any(axis)).flatten() // unit for axis in (1, 0))
    if not len(rows):
        return 0
    first, last = FARTHEST // unit, (_SIDE - FARTHEST) // unit - 1
    return max(0, *(int(max(first - places.min(), places.max() - last)) for places in (rows, columns)))


def _may_start_at(
    network: nn.Module, lr: Tensor, sr: Tensor, step: int, radius: int, scale: int, rounding: float
) -> bool:
    """Whether a picture that starts ``step`` pixels later is enlarged alike, out of sight of its new edges."""
    try:
        later = _run(network, lr[..., step:, step:])
    except ValueError:
        return False
    expected = sr[..., (step + radius) * scale :, (step + radius) * scale :]
    found = later[..., radius * scale :, radius * scale :]
    return bool((found - expected).abs().max() <= rounding * expected.abs().max())


def _takes(network: nn.Module, side: int) -> bool:
    try:
        return bool(_run(network, _noise(side, side)).isfinite().all())
    except ValueError:
        return False


def _noise(height: int, width: int) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(height))


def _run(network: nn.Module, lr: Tensor) -> Tensor:
    """The network's output for a picture of its own, since it may work in place.

    Raises:
        ValueError: the network raised anything, or made no tensor.
    """
    try:
        sr = network(lr.clone())
    except Exception as error:  # of sizes that a network does not take, it may say anything
        raise ValueError(next(iter(str(error).splitlines()), type(error).__name__)) from error
    if not isinstance(sr, Tensor) or sr.ndim != 4:
        raise ValueError(f"{type(sr).__name__} is no picture")
    return sr
