"""A study as one picture: each trial is a line through its values, beside how much each option matters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from esrgan_train.compare.study import Study

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_COLOURS = colormaps["viridis"]
_PRUNED: dict[str, Any] = {"color": "0.75", "linewidth": 0.8, "linestyle": "--", "zorder": 1}


def draw_study(study: Study) -> Figure:
    """Parallel coordinates of the complete trials, coloured by their values, and of those pruned, in gray."""
    figure = Figure(figsize=(6 + 1.7 * len(study.space), 5), layout="constrained")
    lines, bars = figure.subplots(1, 2, width_ratios=(1.2 * len(study.space) + 1.5, 3))
    _draw_lines(lines, study)
    _draw_bars(bars, study)
    figure.suptitle(
        f"{study.name}: {len(study.complete)} trials complete, {len(study.pruned)} pruned", fontsize=11
    )
    return figure


def place_of(value: Any, space: BaseDistribution) -> float:
    """Where a value lies in its range, from 0 to 1; a choice in the middle of its part."""
    described: Any = space
    if hasattr(space, "choices"):
        return float((described.choices.index(value) + 0.5) / len(described.choices))
    low, high, at = (math.log(x) if described.log else x for x in (described.low, described.high, value))
    return float((at - low) / (high - low)) if high > low else 0.5


def _draw_lines(axes: Axes, study: Study) -> None:
    values = [float(trial.value) for trial in study.complete if trial.value is not None]
    scale = Normalize(min(values, default=0.0), max(values, default=1.0))
    colours = _COLOURS if study.maximizes else _COLOURS.reversed()
    at = np.arange(len(study.space) + 1)
    for trial in study.pruned:
        axes.plot(at[:-1], _places(trial.params, study), **_PRUNED)
    ranked = sorted(study.complete, key=lambda trial: trial.value or 0.0, reverse=not study.maximizes)
    for number, trial in enumerate(ranked):  # the best comes last, above the others
        value, best = float(trial.value or 0.0), number == len(ranked) - 1
        places = [*_places(trial.params, study), float(scale(value)) if scale.vmin != scale.vmax else 0.5]
        axes.plot(at, places, color=colours(scale(value)), linewidth=3 if best else 1.2, zorder=2 + best)
    for place, space in enumerate(study.space.values()):
        _draw_scale(axes, place, *_ticks(space))
    _draw_scale(axes, at[-1], *([0.0, 1.0], [f"{scale.vmin:.4g}", f"{scale.vmax:.4g}"]))
    axes.set_xticks(at, [*(key.replace(".", ".\n") for key in study.space), study.metric], fontsize=8)
    axes.tick_params(length=0)
    axes.set_yticks([])
    axes.set_ylim(-0.05, 1.05)
    for side in axes.spines.values():
        side.set_visible(False)


def _draw_bars(axes: Axes, study: Study) -> None:
    shares = [study.importances.get(key, 0.0) for key in study.space]
    axes.barh(range(len(shares)), shares, color="C0")
    axes.set_yticks(range(len(shares)), list(study.space), fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_title("importance (PED-ANOVA)" if study.importances else "importance: too few trials", fontsize=9)
    axes.grid(axis="x", alpha=0.3)


def _places(params: dict[str, Any], study: Study) -> list[float]:
    """By option; not a number for one that a trial does not have, such as an earlier one."""
    return [place_of(params[key], space) if key in params else math.nan for key, space in study.space.items()]


def _ticks(space: BaseDistribution) -> tuple[list[float], list[str]]:
    described: Any = space
    if hasattr(space, "choices"):
        return [place_of(choice, space) for choice in described.choices], [str(c) for c in described.choices]
    ends = described.low, described.high
    middle = math.sqrt(ends[0] * ends[1]) if described.log else (ends[0] + ends[1]) / 2
    if all(isinstance(end, int) for end in ends):
        middle = round(middle)
    shown = (ends[0], middle, ends[1])
    return [place_of(value, space) for value in shown], [f"{value:.3g}" for value in shown]


def _draw_scale(axes: Axes, at: float, places: Sequence[float], words: Sequence[str]) -> None:
    axes.plot([at, at], [0, 1], color="0.3", linewidth=1, zorder=0)
    for place, word in zip(places, words, strict=True):
        label = axes.annotate(word, (at, place), (4, 0), textcoords="offset points", fontsize=8, va="center")
        label.set_bbox({"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 1})
        label.set_zorder(5)
