"""The picture that shows both kinds of LR, and what was measured of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from esrgan_train.images.sheet import Tile, labelled_sheet, stacked
from esrgan_train.images.zoom import repeated
from esrgan_train.likeness.pictures import Crop
from esrgan_train.likeness.readings import MEASURES, Values

_SHOWN = 14  # crops of each kind,
_PER_ROW = 7
_TILE_SIDE = 192  # pixels, about
_DPI = 100
_BINS = 16
_MOST = 98  # percentile at which histograms end; what lies beyond counts in the last bar
_COLOURS = {"yours": "tab:orange", "training's": "tab:blue"}


def likeness_sheet(
    own: Sequence[Crop],
    made: Sequence[Crop],
    readings: tuple[Mapping[str, Values], Mapping[str, Values]],
    line: str,
) -> NDArray[np.uint8]:
    """Crops of own pictures, LR of the training, and a histogram of each measure, (H, W, 3), under ``line``."""
    times = max(1, _TILE_SIDE // own[0].image.shape[0])
    sheets = [
        _crops(f"Your pictures ×{times}", own, times),
        _crops(f"LR that training makes ×{times}", made, times),
    ]
    width = max(sheet.shape[1] for sheet in sheets)
    return stacked([*sheets, _drawn(_histograms(*readings, width=width, title=line))])


def _crops(title: str, crops: Sequence[Crop], times: int) -> NDArray[np.uint8]:
    chosen = np.linspace(0, len(crops) - 1, min(_SHOWN, len(crops))).astype(int)
    tiles: list[Tile] = [(crops[n].name, repeated(crops[n].image, times)) for n in chosen]
    rows = [tiles[start : start + _PER_ROW] for start in range(0, len(tiles), _PER_ROW)]
    return labelled_sheet(rows, title=title)


def _histograms(own: Mapping[str, Values], made: Mapping[str, Values], *, width: int, title: str) -> Figure:
    figure = Figure(figsize=(max(width, 900) / _DPI, 3.2), dpi=_DPI, layout="constrained")
    figure.suptitle(title, fontsize=11)
    for axis, (name, measure) in zip(figure.subplots(1, len(MEASURES)), MEASURES.items(), strict=True):
        both = np.concatenate([own[name], made[name]])
        axis.set_title(measure.title, fontsize=10)
        axis.tick_params(labelsize=8)
        if not both.size:
            continue
        low, high = float(both.min()), float(np.percentile(both, _MOST))
        edges = np.linspace(low, max(high, low + 1e-3), _BINS + 1)
        for (label, colour), values in zip(_COLOURS.items(), (own[name], made[name]), strict=True):
            if values.size:
                median = float(np.median(values))
                kept = np.minimum(values, edges[-1])
                share = np.full(len(kept), 1 / len(kept))
                axis.hist(
                    kept, edges, weights=share, color=colour, alpha=0.5, label=f"{label}, median {median:.1f}"
                )
                axis.axvline(min(median, edges[-1]), color=colour, linestyle="--")
        axis.set_ylabel("share of crops", fontsize=8)
        axis.legend(fontsize=8)
    return figure


def _drawn(figure: Figure) -> NDArray[np.uint8]:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.array(canvas.buffer_rgba())[:, :, :3]  # type: ignore[no-untyped-call]
