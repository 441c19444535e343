"""A picture of a set: sizes and scores of its photos, and examples of those kept and of those reported."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from esrgan_train.images.decode import Picture
from esrgan_train.images.sheet import Tile, labelled_sheet, stacked
from esrgan_train.prepare.manifest import Row
from esrgan_train.screening.verdict import Thresholds

_WIDTH, _HEIGHT, _DPI = 1568, 560, 100  # pixels of the charts
_COLUMNS, _SIDE = 6, 248  # of the examples, in pixels
_EXAMPLES = {"kept": 1, "reported": 2, "left out": 2}  # rows of each
_BINS = 40
_BAR, _LIMIT = "#4878a8", "#c03030"


def summary(rows: Sequence[Row], load: Callable[[str], Picture], *, title: str) -> NDArray[np.uint8]:
    """Draw (H, W, 3) uint8.

    Args:
        rows: of the manifest.
        load: reads a photo by its name, for the examples.
        title: what the set is called.
    """
    counts = ", ".join(
        f"{sum(row.status == status for row in rows):,} {status}"
        for status in ("kept", "reported", "left out", "unreadable")
    )
    charts = (
        "sizes and scores of the photos; beyond a red line they are reported",
        _charts(rows),
    )
    sheets = [labelled_sheet([[charts]], title=f"{title}: {counts}")]
    for status, most in _EXAMPLES.items():
        if chosen := [row for row in rows if row.status == status]:
            sheets.append(labelled_sheet(_examples(chosen, load, most), title=f"{status}: {len(chosen):,}"))
    return stacked(sheets)


def _examples(rows: Sequence[Row], load: Callable[[str], Picture], lines: int) -> list[list[Tile]]:
    most = lines * _COLUMNS
    chosen = [rows[int(place)] for place in np.linspace(0, len(rows) - 1, min(most, len(rows)))]
    tiles = [(_label(row), _reduced(load(row.name))) for row in chosen]
    return [tiles[start : start + _COLUMNS] for start in range(0, len(tiles), _COLUMNS)]


def _label(row: Row) -> str:
    return row.reason or f"{row.width} × {row.height}"


def _reduced(photo: Picture) -> NDArray[np.uint8]:
    scale = min(1.0, _SIDE / max(photo.shape[:2]))
    if photo.dtype == np.uint16:
        photo = (photo >> 8).astype(np.uint8)
    size = [max(1, round(side * scale)) for side in photo.shape[1::-1]]
    return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _charts(rows: Sequence[Row]) -> NDArray[np.uint8]:
    limits = Thresholds()
    known = [row for row in rows if row.width]
    figure = Figure(figsize=(_WIDTH / _DPI, _HEIGHT / _DPI), dpi=_DPI, layout="constrained")
    axes = figure.subplots(2, 3).ravel()
    _chart(axes[0], [row.width * row.height / 1e6 for row in known], "megapixels", log=True)
    _chart(axes[1], [row.detail for row in known], "detail: share of pixels on a slope", limits.detail)
    _chart(axes[2], [row.blur for row in known], "blur: width of the sharpest edges, pixels", limits.blur)
    _chart(axes[3], [row.jpeg_quality for row in known], "quality of JPEG files", limits.jpeg_quality)
    name = "JPEG traces in the pixels: 0.5 for quality 75"
    _chart(axes[4], [row.blockiness for row in known if row.blockiness], name, limits.blockiness)
    axes[5].axis("off")
    axes[5].text(0.02, 0.98, _in_words(rows), va="top", transform=axes[5].transAxes)
    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return np.ascontiguousarray(np.asarray(canvas.buffer_rgba())[:, :, :3])


def _chart(axes: Axes, values: Sequence[Any], name: str, limit: float | None = None, *, log: bool = False) -> None:
    numbers = [float(value) for value in values if value is not None]
    axes.set_title(f"{name} ({len(numbers):,})", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    if not numbers:
        axes.text(0.5, 0.5, "none", ha="center", transform=axes.transAxes)
        axes.set_xticks([])
        axes.set_yticks([])
        return
    low, high = min(numbers), max(numbers)
    if low == high:
        low, high = low * 0.9 - 1e-3, high * 1.1 + 1e-3
    bins = np.geomspace(low, high, _BINS) if log else np.linspace(low, high, _BINS)
    axes.hist(numbers, bins=list(bins), color=_BAR)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.set_ylabel("photos", fontsize=9)
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if math.log2(high / low) < 4 else "")
    if limit is not None:
        axes.axvline(limit, color=_LIMIT, linewidth=1.2)


def _in_words(rows: Sequence[Row]) -> str:
    read = [row for row in rows if row.status != "unreadable"]
    kinds = Counter(part.partition(":")[0] for row in read for part in row.reason.split("; ") if part)
    lines = [f"{count:,} × {kind}" for kind, count in kinds.most_common()]
    return "\n".join(["what was found", *lines] if lines else ["nothing was found"])
