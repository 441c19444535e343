"""The curves of runs as plain numbers, for the page's script to draw."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from esrgan_train.callbacks.curves import LOG_SCALE, panels_of, points, stretches
from esrgan_train.callbacks.health import Health, Sign
from esrgan_train.compare.chart import thinned
from esrgan_train.report.folder import RunFolder

_MOST, _LEAST = 1000, 100  # points of a curve, by the number of runs that share a page


def charts_of(runs: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """Each panel of ``curves.png`` with the curves of all runs, where their GAN stages start, and warnings."""
    panels: dict[str, dict[str, None]] = {}  # the names of each, in order
    for run in runs:
        losses = [f"train/{name}" for name in run.config.loss]
        for title, names in panels_of(run.rows, losses).items():
            panels.setdefault(title, {}).update(dict.fromkeys(names))
    return [_chart(title, [*names], runs) for title, names in panels.items()]


def _chart(title: str, names: Sequence[str], runs: Sequence[RunFolder]) -> dict[str, Any]:
    several = len(runs) > 1
    curves = [
        curve | ({"hue": number, "dash": place} if several else {"hue": place, "dash": 0})
        for number, run in enumerate(runs)
        for place, name in enumerate(names)
        for curve in _curve(run, name, runs=len(runs))
    ]
    return {
        "title": title,
        "log": title in LOG_SCALE,
        "curves": curves,
        "switches": _switches(runs),
        "bands": [band for run in runs for band in _bands(run, names, several=several)],
        "table": [_extremes(curve) for curve in curves],
    }


def _switches(runs: Sequence[RunFolder]) -> list[dict[str, Any]]:
    """Where GAN stages start, each place once; runs are named where not all start there."""
    places: dict[int, list[str]] = {}
    for run in runs:
        if run.switch is not None:
            places.setdefault(run.switch, []).append(run.name)
    return [
        {"x": place, "text": "GAN stage" if len(names) == len(runs) else f"GAN stage of {', '.join(names)}"}
        for place, names in places.items()
    ]


def _curve(run: RunFolder, name: str, *, runs: int) -> Iterator[dict[str, Any]]:
    steps, values = points(run.rows, name)
    if not steps:
        return
    most = max(_LEAST, _MOST // runs)
    thin = len(steps) > most
    x, y = thinned(steps, values, most) if thin else (steps, values)
    yield {
        "label": f"{name}, {run.name}" if runs > 1 else name,
        "x": x,
        "y": [float(f"{value:.6g}") if math.isfinite(value) else None for value in y],  # JSON knows no others
        "means": f"each point is the mean of about {round(len(steps) / most)} readings" if thin else "",
    }


def _extremes(curve: dict[str, Any]) -> dict[str, str]:
    """The first, last, lowest and highest value of a curve, each with its iteration."""
    held = [(x, y) for x, y in zip(curve["x"], curve["y"], strict=True) if y is not None]
    if not held:
        return {"label": curve["label"], **dict.fromkeys(("first", "last", "lowest", "highest"), "not finite")}
    found = {"first": held[0], "last": held[-1]}
    found |= {"lowest": min(held, key=lambda at: at[1]), "highest": max(held, key=lambda at: at[1])}
    return {"label": curve["label"], **{which: f"{y:.5g} at {x:,.0f}" for which, (x, y) in found.items()}}


def _bands(run: RunFolder, names: Sequence[str], *, several: bool) -> Iterator[dict[str, Any]]:
    """The stretches in which a warning sign of this panel lasted too long."""
    of = f" of {run.name}" if several else ""
    for sign in (sign for sign in _signs(run) if sign.value in names):
        for start, end in stretches(sign, *points(run.rows, sign.value)):
            yield {"from": start, "to": end, "text": f"warning{of}: {sign.label}"}


def _signs(run: RunFolder) -> list[Sign]:
    node = OmegaConf.select(run.config, "callbacks.health.signs")
    signs: Any = OmegaConf.to_container(node) if isinstance(node, DictConfig) else {}
    return Health(signs=signs).signs
