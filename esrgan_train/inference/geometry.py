"""How large a picture has to be for a network, how much it enlarges, and how far it looks: found by trying."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.inference.influence import reach
from esrgan_train.inference.onnx_model import OnnxNetwork
from esrgan_train.inference.trial import MULTIPLES, noise, run

_ENOUGH = 64  # pixels a side; networks of the field that need more are not known
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


# It follows from how a network is built, not from its weights, so each is tried once.
_measured: WeakKeyDictionary[nn.Module, Geometry] = WeakKeyDictionary()


def measure(network: nn.Module) -> Geometry:
    """The geometry of a network: of the compact one it is known, any other is tried on a few pictures.

    What is tried is a copy in evaluation mode and float32 on the CPU, so the network and its gradients, buffers
    and mode stay as they are.

    Raises:
        UserError: it does not enlarge RGB pictures by a whole number.
    """
    if network not in _measured:
        _measured[network] = _measure(network)
    return _measured[network]


@torch.inference_mode()
def _measure(network: nn.Module) -> Geometry:
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
    radius: int | None = None
    if (reached := reach(tried, scale=scale, multiple=multiple, rounding=rounding)) is not None:
        radius, multiple = reached
    least = next((side for side in MULTIPLES if side >= multiple and _takes(tried, side)), _ENOUGH)
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


def _takes(network: nn.Module, side: int) -> bool:
    try:
        return bool(run(network, noise(side, side)).isfinite().all())
    except ValueError:
        return False
