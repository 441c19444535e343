"""How large a picture must be for a network, how much it enlarges, and how far it looks: found by trying."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.inference.onnx_model import OnnxNetwork
from esrgan_train.inference.reach import MULTIPLES, measure_reach, noise, run

_ENOUGH = 64  # pixels a side; no network of the field is known to need more
_ROUNDING, _HALF_ROUNDING = 1e-4, 1e-2  # differences that count as rounding, as a part of the largest value


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """What a network requires of a picture's size, and what it makes of it."""

    scale: int  # output pixels per input pixel, each way
    # How many pixels away an input pixel still changes an output pixel, a multiple of ``multiple``; None if no end
    # was found: the network may look at the whole picture.
    radius: int | None
    multiple: int = 1  # of which a picture's sides, and the places where tiles start, must be multiples
    least: int = 1  # pixels a side

    def fit(self, side: int) -> int:
        """The smallest side not below ``side`` that the network takes."""
        return max(self.least, math.ceil(side / self.multiple) * self.multiple)


# It depends on how a network is built, not on its weights, so each is tried once.
_measured: WeakKeyDictionary[nn.Module, Geometry] = WeakKeyDictionary()


def measure(network: nn.Module) -> Geometry:
    """The geometry of a network: that of the compact one is known, any other is tried on a few pictures.

    The network itself stays as it is.

    Raises:
        UserError: it does not enlarge RGB pictures by a whole number.
    """
    if network not in _measured:
        _measured[network] = _measure(network)
    return _measured[network]


def reach_of(network: nn.Module) -> int | None:
    """The radius of a network whose tiles may start anywhere; None for one that must see pictures whole."""
    try:
        geometry = measure(network)
    except UserError:
        return None
    return geometry.radius if geometry.multiple == 1 else None


@torch.inference_mode()
def scale_of(network: nn.Module) -> tuple[int, int]:
    """The enlargement, and the smallest number of which a picture's sides must be multiples; found by trying.

    ``network`` is in evaluation mode and float32 on the CPU.

    Raises:
        UserError: it does not enlarge RGB pictures by a whole number.
    """
    reason = ""
    for multiple in MULTIPLES:
        # Two sides that differ, and that are multiples of nothing greater.
        height, width = _ENOUGH + multiple, _ENOUGH + 3 * multiple
        try:
            size = tuple(run(network, noise(height, width)).shape)
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


@torch.inference_mode()
def _measure(network: nn.Module) -> Geometry:
    if isinstance(network, SRVGGNetCompact):
        return Geometry(scale=network.upscale, radius=network.num_conv + 2)
    onnx = network if isinstance(network, OnnxNetwork) else None
    tried = onnx or deepcopy(network).to("cpu", torch.float32).eval()
    scale, multiple = scale_of(tried)
    if onnx and onnx.radius is not None:
        return Geometry(scale=scale, radius=onnx.radius)
    rounding = _HALF_ROUNDING if onnx and onnx.is_half else _ROUNDING
    reached = measure_reach(tried, scale=scale, multiple=multiple, rounding=rounding)
    radius, multiple = reached or (None, multiple)
    least = next((side for side in MULTIPLES if side >= multiple and _takes(tried, side)), _ENOUGH)
    return Geometry(scale=scale, radius=radius, multiple=multiple, least=least)


def _takes(network: nn.Module, side: int) -> bool:
    try:
        return bool(run(network, noise(side, side)).isfinite().all())
    except ValueError:
        return False
