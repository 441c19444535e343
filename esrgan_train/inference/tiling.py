"""Parts of a picture whose enlargements join without a seam."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

Network = Callable[[Tensor], Tensor]  # (B, C, h, w) → (B, C, h·scale, w·scale)
Part = tuple[slice, slice]  # rows and columns


def continued(lr: Tensor, height: int, width: int) -> Tensor:
    """A picture (B, C, h, w) continued below and at the right by its reflection, to ``height`` × ``width``."""
    for axis, side in ((-2, height), (-1, width)):
        if (length := lr.shape[axis]) < side:
            places = np.pad(np.arange(length), (0, side - length), mode="reflect")
            lr = lr.index_select(axis, torch.from_numpy(places).to(lr.device))
    return lr


def tiles(height: int, width: int, side: int) -> Iterator[Part]:
    """Cover a picture with tiles of at most ``side`` pixels a side; 0 gives the whole picture."""
    side = side or max(height, width)
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield slice(top, min(top + side, height)), slice(left, min(left + side, width))


def surroundings(part: slice, length: int, *, radius: int | None, least: int = 1) -> slice:
    """What a network must see, along a side of ``length`` pixels, for the enlargement of ``part``.

    That is ``radius`` more in both directions (None: everything), and at least ``least`` pixels. Nothing is added
    beyond the picture's edges: there the network pads as it does for the whole picture. If all arguments are
    multiples of a number, so are the ends.
    """
    far = length if radius is None else radius
    start = max(min(part.start - far, length - least), 0)
    return slice(start, min(max(part.stop + far, start + least), length))


def enlarge_part(
    network: Network, lr: Tensor, part: Part, *, radius: int | None, scale: int, least: int = 1
) -> Tensor:
    """That part of ``network(lr)``, up to float rounding; the network sees a copy of its ``surroundings``."""
    seen = [surroundings(*side, radius=radius, least=least) for side in zip(part, lr.shape[-2:], strict=True)]
    sr = network(lr[..., seen[0], seen[1]].clone())  # it may work in place
    rows, columns = (
        slice((side.start - outer.start) * scale, (side.stop - outer.start) * scale)
        for side, outer in zip(part, seen, strict=True)
    )
    return sr[..., rows, columns]


def enlarge_tiles(
    network: Network, lr: Tensor, *, tile: int, radius: int | None, scale: int, least: int = 1
) -> Iterator[tuple[Part, Tensor]]:
    """Each tile's enlargement with its rows and columns of the whole enlargement; see ``tiles``."""
    height, width = lr.shape[-2:]
    for part in tiles(height, width, tile):
        rows, columns = (slice(side.start * scale, side.stop * scale) for side in part)
        yield (rows, columns), enlarge_part(network, lr, part, radius=radius, scale=scale, least=least)


def enlarge_tiled(network: Network, lr: Tensor, *, tile: int, radius: int | None, scale: int) -> Tensor:
    """The whole enlargement, joined from tiles on the device of ``lr``; not clamped."""
    if not tile:
        return network(lr)
    height, width = lr.shape[-2:]
    sr = torch.empty(0)
    for (rows, columns), part in enlarge_tiles(network, lr, tile=tile, radius=radius, scale=scale):
        if not sr.numel():
            sr = part.new_empty((*part.shape[:2], height * scale, width * scale))
        sr[..., rows, columns] = part
    return sr
