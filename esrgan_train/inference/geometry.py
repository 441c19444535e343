"""How large a picture must be for a network, how much it enlarges, and how far it looks: found by trying."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import nn

from esrgan_train.archs.folding import fold
from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.inference.baseline import REACH
from esrgan_train.inference.onnx_model import OnnxNetwork
from esrgan_train.inference.reach import MULTIPLES, measure_reach, noise, run
from esrgan_train.inference.statements import Statement, Tiles, statement_of
from esrgan_train.inference.widths import widest_layer

_ENOUGH = 64  # pixels a side; no network of the field is known to need more
_ROUNDING, _HALF_ROUNDING = 1e-4, 1e-2  # differences that count as rounding, as a part of the largest value


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """What a network requires of a picture's size, and what it makes of it."""

    scale: int  # output pixels per input pixel, each way
    # How many pixels away an input pixel still changes an output pixel, or, with ``overlaps``, by how many tiles
    # overlap; a multiple of ``step``. None if tiles would show: the network may look at the whole picture.
    radius: int | None
    overlaps: bool = False  # it looks farther than ``radius``, so tiles may show seams
    multiple: int = 1  # of which a picture's sides must be multiples
    step: int = 1  # of which the places where tiles start must be multiples
    least: int = 1  # pixels a side
    channels: int = 3  # of the pictures that go in and come out: RGB, or luma alone
    features: int = 64  # the most values that a layer makes of a pixel

    @property
    def tiles(self) -> Tiles:
        """How tiles join."""
        if self.radius is None:
            return Tiles.WHOLE
        return Tiles.OVERLAP if self.overlaps else Tiles.EXACT

    def fit(self, side: int) -> int:
        """The smallest side not below ``side`` that the network takes."""
        return max(self.least, math.ceil(side / self.multiple) * self.multiple)


# It depends on how a network is built, not on its weights, so each is tried once.
_measured: WeakKeyDictionary[nn.Module, Geometry] = WeakKeyDictionary()


def measure(network: nn.Module) -> Geometry:
    """The geometry of a network: that of the compact one is known, any other is tried on a few pictures.

    The network itself stays as it is.

    Raises:
        UserError: it enlarges neither RGB nor gray pictures by a whole number.
    """
    if network not in _measured:
        _measured[network] = _measure(fold(network))
    return _measured[network]


def radius_on_colours(geometry: Geometry) -> int | None:
    """The radius for RGB pictures: beside a network of luma alone, their colours are enlarged."""
    if geometry.channels == 3 or geometry.radius is None:
        return geometry.radius
    return max(geometry.radius, math.ceil(REACH / geometry.step) * geometry.step)


def seams_of(name: str, geometry: Geometry) -> str:
    """What is to be said of the tiles of a network; nothing if they join without a seam."""
    if not geometry.overlaps:
        return ""
    return f"overlapping by {geometry.radius}: {name} looks at all that it is given, so seams are possible"


def reach_of(network: nn.Module) -> int | None:
    """The radius of a network whose tiles may start anywhere and join without a seam; None for others."""
    try:
        geometry = measure(network)
    except UserError:
        return None
    return geometry.radius if geometry.step == 1 and not geometry.overlaps else None


class Enlargement(NamedTuple):
    """What a network makes of a picture, found by trying."""

    scale: int
    multiple: int  # the smallest of which a picture's sides must be multiples
    channels: int  # 3, or 1 for a network that does not take 3


@torch.inference_mode()
def enlargement_of(network: nn.Module) -> Enlargement:
    """Try a network, in evaluation mode and float32 on the CPU, on pictures of RGB, then of one channel.

    Raises:
        UserError: it enlarges neither by a whole number.
    """
    reason = ""
    for channels in (3, 1):
        for multiple in MULTIPLES:
            # Two sides that differ, and that are multiples of nothing greater.
            height, width = _ENOUGH + multiple, _ENOUGH + 3 * multiple
            try:
                size = tuple(run(network, noise(height, width, channels)).shape)
            except ValueError as error:
                reason = reason or f"of {width}×{height} pixels it says: {error}"
                continue
            scale = size[-1] // width
            if scale and size == (1, channels, height * scale, width * scale):
                return Enlargement(scale, multiple, channels)
            reason = reason or f"of (1, {channels}, {height}, {width}) it makes {size}"
    raise UserError(
        f"{type(network).__name__} does not enlarge RGB pictures by a whole number ({reason}); give a "
        "super-resolution model of RGB or gray pictures"
    )


def channels_seen(network: nn.Module) -> int:
    """3, or 1 for a network of luma alone; state and errors as for ``enlargement_of``."""
    if isinstance(network, SRVGGNetCompact):
        return 1 if network.num_in_ch == network.num_out_ch == 1 else 3
    return enlargement_of(network).channels


@torch.inference_mode()
def _measure(network: nn.Module) -> Geometry:
    if isinstance(network, SRVGGNetCompact):
        channels, radius = channels_seen(network), network.num_conv + 2
        return Geometry(scale=network.upscale, radius=radius, channels=channels, features=network.num_feat)
    onnx = network if isinstance(network, OnnxNetwork) else None
    tried = onnx or deepcopy(network).to("cpu", torch.float32).eval()
    with widest_layer(tried) as widest:
        scale, multiple, channels = enlargement_of(tried)
    features = widest.values or Geometry.features  # an ONNX model shows no layers
    known = Geometry(scale=scale, radius=None, channels=channels, features=features)
    if onnx and onnx.radius is not None:
        return replace(known, radius=onnx.radius)
    statement = onnx.statement if onnx else statement_of(type(network))
    known = replace(known, multiple=multiple, step=multiple)
    if statement is None or (found := _stated(statement, known, tried)) is None:
        rounding = _HALF_ROUNDING if onnx and onnx.is_half else _ROUNDING
        reached = measure_reach(tried, multiple=multiple, rounding=rounding, scale=scale, channels=channels)
        found = replace(known, radius=reached[0], multiple=reached[1], step=reached[1]) if reached else known
    sides = (side for side in MULTIPLES if side >= found.multiple)
    return replace(found, least=next((side for side in sides if _takes(tried, side, channels)), _ENOUGH))


def _stated(statement: Statement, known: Geometry, network: nn.Module) -> Geometry | None:
    """What a statement says of tiles; None where the reach is left to be measured."""
    sides = replace(known, multiple=math.lcm(known.multiple, statement.multiple))
    if statement.tiles is Tiles.WHOLE:
        return sides
    if statement.tiles is Tiles.OVERLAP:
        return replace(sides, radius=statement.overlap, step=statement.step, overlaps=True)
    return replace(sides, radius=statement.reach(network), step=statement.step) if statement.reach else None


def _takes(network: nn.Module, side: int, channels: int) -> bool:
    try:
        return bool(run(network, noise(side, side, channels)).isfinite().all())
    except ValueError:
        return False
