"""JPEG: the quality that a file's tables tell, and the traces it left in pixels."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from esrgan_train.images.decode import opened
from esrgan_train.screening.luma import Luma, busy_tiles, stacked

_SIDE = 64  # of a tile: 8 × 8 blocks
_TILES = 16  # spread over the busier half
_ZERO = 1.0  # coefficients below are zero; decoding rounds to whole levels
_GRID = 0.02  # share of zeros by which one position of the grid must exceed all others
_FEWEST_BLOCKS = 64  # that hold something, out of 1024
_FEWEST_VALUES = 20  # of a frequency
_FEWEST_FREQUENCIES = 5
_CLUSTERED = 0.35  # mean cosine; 1 if all coefficients are multiples of the step, 0 if they are anything
_LOW = [(row, column) for row in range(7) for column in range(7) if 0 < row + column < 7]  # frequencies
_STEPS = range(2, 100)  # levels
_DCT = cv2.dct(np.eye(8, dtype=np.float32), flags=cv2.DCT_ROWS).T.astype(np.float32)  # frequency, pixel


def table_quality(path: Path) -> int | None:
    """Quality (1 to 100, as libjpeg counts) of a JPEG file by its luma table; None for other formats.

    Tables of other programs get the quality of the libjpeg table that is nearest in the lower frequencies; the
    others decide between equals.
    """
    with opened(path) as image:
        tables = getattr(image, "quantization", None)
    if not tables:
        return None
    table = np.reshape(tables[min(tables)], (8, 8))

    def distance(quality: int) -> tuple[int, int]:
        apart = np.abs(_libjpeg_table(quality) - table)
        return sum(int(apart[place]) for place in _LOW), int(apart.sum())

    return min(range(1, 101), key=distance)


def grid_step(luma: Luma) -> float:
    """Step of the quantisation that JPEG left in ``luma``, over the one of quality 50; 0 without a trace.

    1 for quality 50, 0.5 for 75, 0.2 for 90, whatever the format is now and however the photo was cropped. Scaling
    and rotating remove the trace. The grid is where the most DCT coefficients are zero, among all 64 positions
    (Nikoukhah et al., "ZERO: a local JPEG grid origin detector", IPOL 2021). On it, the steps are those of which
    the coefficients are multiples (Fan and de Queiroz, "Identification of bitmap compression history", 2003).
    """
    busy, places = busy_tiles(luma, _SIDE, margin=7)
    places = [place for place, activity in zip(places, busy, strict=True) if activity > 0]
    if not places:
        return 0.0
    places = places[: (len(places) + 1) // 2]
    chosen = np.linspace(0, len(places) - 1, min(_TILES, len(places))).astype(int)
    blocks = _blocks_on_grid(stacked(luma, [places[n] for n in chosen], _SIDE + 7))
    return 0.0 if blocks is None else _relative_step(blocks)


def _blocks_on_grid(tiles: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """DCT coefficients (N, 8, 8) of the blocks that are not flat, on the grid; None if no grid stands out."""
    shares: list[float] = []
    best: NDArray[np.float32] | None = None
    for top in range(8):
        rows = tiles[:, top : top + _SIDE].reshape(len(tiles), -1, 8, tiles.shape[2])
        down = _DCT @ rows  # (tiles, 8, 8 frequencies, columns)
        for left in range(8):
            across: NDArray[np.float32] = down[..., left : left + _SIDE].reshape(-1, 8, _SIDE // 8, 8)
            blocks = (across @ _DCT.T).astype(np.float32, copy=False)
            share, held = _zeros(blocks)
            if not shares or share > max(shares):
                best = blocks.transpose(0, 2, 1, 3)[held]
            shares.append(share)
    second, first = sorted(shares)[-2:]
    return best if first - second >= _GRID else None


def _zeros(blocks: NDArray[np.float32]) -> tuple[float, NDArray[np.bool_]]:
    """Share of zeros among the 63 coefficients of the blocks that are not flat, and which ones these are."""
    zero = np.abs(blocks) < _ZERO  # (rows of blocks, 8, columns of blocks, 8)
    count = zero.sum(axis=(1, 3)) - zero[:, 0, :, 0]
    held = count < 63
    return (float(count[held].mean()) / 63 if held.sum() >= _FEWEST_BLOCKS else 0.0), held


def _relative_step(blocks: NDArray[np.float32]) -> float:
    """Median over the lower frequencies of the step found over that of quality 50; 0 if too few have one."""
    table = _libjpeg_table(50)
    steps = {place: _step(np.abs(blocks[:, place[0], place[1]])) for place in _LOW}
    found = [step / table[place] for place, step in steps.items() if step]
    return float(np.median(found)) if len(found) >= _FEWEST_FREQUENCIES else 0.0


def _step(values: NDArray[np.float32]) -> int:
    """The largest step of which ``values`` are multiples, as far as rounding allows; 0 if there is none.

    They are nearly multiples of its neighbours too, but less so.
    """
    clustered = {}
    for step in _STEPS:
        telling = values[values > max(step / 2, 1.5)]
        if len(telling) < _FEWEST_VALUES:
            break
        clustered[step] = float(np.cos(telling * np.float32(2 * np.pi / step)).mean())
    best = max(clustered.values(), default=0.0)
    if best < _CLUSTERED:
        return 0
    peaks = (
        s for s, mean in clustered.items() if mean == max(clustered.get(s + near, 0.0) for near in (-1, 0, 1))
    )
    return max(step for step in peaks if clustered[step] >= 0.85 * best)


@cache
def _libjpeg_table(quality: int) -> NDArray[Any]:
    """The luma table (8, 8) that libjpeg writes at ``quality``."""
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return np.array(image.quantization[0]).reshape(8, 8)  # type: ignore[attr-defined]
