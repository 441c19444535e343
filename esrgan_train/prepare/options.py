"""What is made of the photos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from esrgan_train.data.packed_layout import Layout
from esrgan_train.errors import UserError

Size = tuple[int, int]  # (height, width)


@dataclass(frozen=True, kw_only=True)
class Options:
    """How photos become entries of a set.

    Attributes:
        scales: at which each photo is held.
        upscale: of pairs; None for photos alone.
        max_side: larger photos are reduced to this many pixels a side.
        tile: side of the squares that photos are cut into, in pixels; None leaves them whole.
        stride: from one tile to the next.
        min_detail: entries with a smaller share of pixels on a slope are left out.
        drop: kinds of complaints whose photos are left out.

    Raises:
        UserError: options that do not go together.
    """

    scales: tuple[float, ...]
    upscale: int | None = None
    max_side: int | None = None
    tile: int | None = None
    stride: int | None = None
    min_detail: float = 0.0
    drop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.stride is not None and self.tile is None:
            raise UserError(f"--stride {self.stride} has no effect without --tile")
        if self.upscale is None:
            return
        if self.max_side is not None:
            raise UserError(f"--max-side {self.max_side} cannot be used with --lr: pairs are taken as they are")
        for name in ("tile", "stride"):
            value = getattr(self, name)
            if value is not None and value % self.upscale:
                nearest = max(1, value // self.upscale) * self.upscale
                raise UserError(f"--{name} {value} is no multiple of the pairs' ×{self.upscale}: give {nearest}")

    @property
    def layout(self) -> Layout:
        """What is held of each entry."""
        return Layout.of(self.scales, self.upscale)

    def as_dict(self) -> Mapping[str, Any]:
        """Plain values for JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def reduced(self, size: Size) -> Size:
        """(height, width) of a photo with at most ``max_side`` pixels a side."""
        largest = max(size)
        if self.max_side is None or largest <= self.max_side:
            return size
        height, width = (max(1, round(side * self.max_side / largest)) for side in size)
        return height, width

    def corners(self, size: Size) -> list[tuple[int, int]]:
        """(top, left) of the tiles of a photo; the last ones of a row and a column lie at its edge."""
        if self.tile is None or max(size) <= self.tile:
            return [(0, 0)]
        rows, columns = (_starts(side, self.tile, self.stride or self.tile, self.upscale or 1) for side in size)
        return [(top, left) for top in rows for left in columns]

    def entry_sizes(self, size: Size) -> list[Size]:
        """(height, width) of what a photo becomes."""
        height, width = self.reduced(size)
        if self.tile is None:
            return [(height, width)]
        return [(min(self.tile, height), min(self.tile, width))] * len(self.corners((height, width)))


def _starts(side: int, tile: int, stride: int, step: int) -> list[int]:
    """Where tiles begin along a side, in multiples of ``step``."""
    last = max(0, side - tile) // step * step
    starts = list(range(0, last + 1, stride))
    return starts if starts[-1] == last else [*starts, last]
