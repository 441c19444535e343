"""What a network's class states about tiles: whether parts of a picture may be enlarged apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from torch import nn

from esrgan_train.errors import UserError


class Tiles(StrEnum):
    """How a network's tiles join."""

    EXACT = "exact"  # its reach ends: tiles that overlap by it join without a seam
    OVERLAP = "overlap"  # it looks at all that it sees, mostly at what is near: tiles overlap, and may show seams
    WHOLE = "whole"  # tiles would show: it is given whole pictures alone


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What is stated of a class."""

    tiles: Tiles
    overlap: int = 64  # pixels of the input on each side of a tile, where ``tiles`` is ``overlap``
    step: int = 1  # of which the places where tiles start must be multiples
    multiple: int = 1  # of which a picture's sides must be multiples
    reach: Callable[[nn.Module], int] | None = None  # pixels, where it is too far to be measured quickly


def _convolutions(network: nn.Module) -> int:
    """No more than the sum of what each convolution adds: all of them see the picture's own resolution.

    ``shortcut`` runs beside the blocks: its pixels cover what an enlargement by sampled places moves.
    """
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    return sum(conv.kernel_size[0] // 2 * conv.dilation[0] for conv in convolutions)


def _poolings(network: nn.Module) -> int:
    """SAFMN: a block sees the eighths beside its own, to their far ends, and convolutions one pixel each."""
    blocks = len(network.feats)  # type: ignore[arg-type]  # nn.Sequential
    return math.ceil((16 * blocks + 2) / 8) * 8


_OF_SPANDREL = {
    "spandrel.architectures.SPAN:SPAN": Statement(tiles=Tiles.EXACT),
    "spandrel.architectures.MoSR:MoSR": Statement(tiles=Tiles.EXACT, reach=_convolutions),
    "spandrel.architectures.SAFMN:SAFMN": Statement(tiles=Tiles.EXACT, reach=_poolings, step=8, multiple=8),
    # Means and variances, or means, of each channel over all that it sees.
    "spandrel.architectures.PLKSR:RealPLKSR": Statement(tiles=Tiles.OVERLAP),
    "spandrel.architectures.RealCUGAN:UpCunet2x": Statement(tiles=Tiles.OVERLAP, step=2),
    "spandrel.architectures.RealCUGAN:UpCunet3x": Statement(tiles=Tiles.OVERLAP, step=4),
    "spandrel.architectures.RealCUGAN:UpCunet4x": Statement(tiles=Tiles.OVERLAP, step=2),
    # Windows of 8 pixels, and attention between channels.
    "spandrel.architectures.FDAT:FDAT": Statement(tiles=Tiles.OVERLAP, step=8),
}


def statement_of(cls: type[nn.Module]) -> Statement | None:
    """What a class states: its own attribute ``tiles``, or what is known of spandrel's; None: it says nothing.

    Beside ``tiles = "overlap"``, ``tile_overlap`` and ``tile_step`` may say by how many pixels, and of which
    number the places where tiles start must be multiples.

    Raises:
        UserError: ``tiles`` is another word, or its numbers make no overlap.
    """
    said = getattr(cls, "tiles", None)
    if not isinstance(said, str):
        return named_statement(_name_of(cls))
    if said not in [*Tiles]:
        raise UserError(f"{cls.__qualname__}.tiles={said!r}: give one of {', '.join(Tiles)}")
    overlap, step = getattr(cls, "tile_overlap", Statement.overlap), getattr(cls, "tile_step", Statement.step)
    if not isinstance(overlap, int) or not isinstance(step, int) or step < 1 or overlap < 0 or overlap % step:
        raise UserError(
            f"{cls.__qualname__}.tile_overlap={overlap} with tile_step={step}: give whole numbers, the overlap a "
            "multiple of the step"
        )
    return Statement(tiles=Tiles(said), overlap=overlap, step=step)


def named_statement(target: str) -> Statement | None:
    """The statement of one of spandrel's classes by its ``module:Class``, as model files name it."""
    return _OF_SPANDREL.get(target)


def _name_of(cls: type[nn.Module]) -> str:
    """spandrel defines a class somewhere in the package of its architecture, and offers it there."""
    return f"{'.'.join(cls.__module__.split('.')[:3])}:{cls.__qualname__}"
