"""How far a network looks, and a part of an enlargement that needs no more of the picture than that."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from esrgan_train.errors import UserError
from esrgan_train.inference.tiling import receptive_radius


def reach_of(network: nn.Module) -> int | None:
    """``receptive_radius``, or None for a network that must see pictures whole."""
    try:
        return receptive_radius(network)
    except UserError:
        return None


def enlarge_part(
    network: Callable[[Tensor], Tensor], lr: Tensor, part: tuple[slice, slice], *, radius: int | None, scale: int
) -> Tensor:
    """The rows and columns ``part`` of ``network(lr)``, up to float rounding.

    Args:
        network: (1, C, h, w) to (1, C, h·scale, w·scale).
        lr: (1, C, h, w).
        part: rows and columns of the enlargement, from whole pixels of ``lr`` to whole ones.
        radius: pixels of ``lr`` that the network looks far; None gives it the whole picture.
        scale: the network's enlargement.
    """
    far = max(lr.shape[-2:]) if radius is None else radius
    seen = [slice(max(side.start // scale - far, 0), side.stop // scale + far) for side in part]
    sr = network(lr[..., seen[0], seen[1]].clone())  # it may work in place
    rows, columns = (
        slice(side.start - outer.start * scale, side.stop - outer.start * scale)
        for side, outer in zip(part, seen, strict=True)
    )
    return sr[..., rows, columns]
