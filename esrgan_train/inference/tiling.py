"""Cutting a picture into tiles whose enlargements join without a seam."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from esrgan_train.errors import UserError
from esrgan_train.inference.geometry import measure
from esrgan_train.inference.influence import FARTHEST


@dataclass(frozen=True)
class Tile:
    """One tile: ``inner`` is what it yields, ``outer`` what the network sees; (top, bottom, left, right)."""

    inner: tuple[int, int, int, int]
    outer: tuple[int, int, int, int]


def cut(height: int, width: int, *, tile: int, radius: int, least: int = 1) -> Iterator[Tile]:
    """Cover the picture with tiles of at most ``tile`` pixels a side, each seen with ``radius`` more around it.

    At the picture's own edges nothing is added: there the network pads as it does for the whole picture. No
    tile is seen with fewer than ``least`` pixels a side unless the picture has fewer. If the picture's sides,
    ``tile``, ``radius`` and ``least`` are multiples of a number, so are all edges.
    """
    for top, bottom, above, below in _spans(height, tile, radius, least):
        for left, right, before, after in _spans(width, tile, radius, least):
            yield Tile((top, bottom, left, right), (above, below, before, after))


def receptive_radius(network: nn.Module) -> int:
    """How many pixels around any part of a picture are enough for its enlargement; the network is not touched.

    Of the compact network it is known: one pixel for each of its ``num_conv`` + 2 convolutions. Any other is
    measured (``geometry.measure``).

    Raises:
        UserError: no end of it was found, or parts cannot start anywhere, so they could not join.
    """
    geometry = measure(network)
    if geometry.multiple > 1:
        raise UserError(
            f"{type(network).__name__} works in steps of {geometry.multiple} pixels, so pictures cannot be cut "
            "anywhere; enlarge them whole"
        )
    return bounded(geometry.radius, network)


def bounded(radius: int | None, network: nn.Module) -> int:
    """The radius, if there is one.

    Raises:
        UserError: there is none.
    """
    if radius is None:
        raise UserError(
            f"{type(network).__name__} looks over {FARTHEST} pixels far, so tiles would show seams; give --tile 0"
        )
    return radius


def _spans(length: int, tile: int, radius: int, least: int) -> Iterator[tuple[int, int, int, int]]:
    """Of one direction: where each tile starts and ends, and where what is seen of it does."""
    for start in range(0, length, tile):
        end = min(start + tile, length)
        first = max(min(start - radius, length - least), 0)
        yield start, end, first, min(max(end + radius, first + least), length)
