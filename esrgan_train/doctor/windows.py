"""Photos that are smaller than what a sample is cut from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from esrgan_train.data.cutters import Cutter
from esrgan_train.data.options import StreamOptions
from esrgan_train.data.window import Window
from esrgan_train.doctor.examination import Examined
from esrgan_train.doctor.finding import Finding
from esrgan_train.images.scaling import scaled_size

_MANY = 0.5  # share of photos continued by their reflection from which on it is a problem


def windows_check(examined: Examined, options: StreamOptions) -> Iterator[Finding]:
    """How many photos hold a window, and at which of ``data.scales``; pairs by themselves."""
    for kind in examined.kinds:
        yield from _of(kind, options)


def _of(examined: Examined, options: StreamOptions) -> Iterator[Finding]:
    paired = examined.source.paired
    what = "pairs" if paired else "photos"
    sizes = [seen.size for seen in examined.good]
    if not sizes:
        return
    needed = Cutter(options).needed_side(paired=paired)
    small = sum(min(size) < needed for size in sizes)
    window = f"{needed} × {needed} pixels that a sample is cut from"
    if small:
        share = small / len(sizes)
        many = share > _MANY
        remedy = _remedy(sizes, options, paired=paired) if many else "use larger photos instead"
        yield Finding(
            "windows",
            "problem" if many else "note",
            f"{small:,} of {len(sizes):,} {what} ({share:.0%}) are smaller than the {window}: they are continued "
            "by their reflection, which the model learns too",
            remedy,
        )
    else:
        yield Finding("windows", "ok", f"every {what[:-1]} holds the {window}")
    if not paired and small < len(sizes):
        yield from _scales(sizes, needed, options.scales)


def _scales(sizes: Sequence[tuple[int, int]], needed: int, scales: Sequence[float]) -> Iterator[Finding]:
    shares = {scale: np.mean([min(scaled_size(size, scale)) >= needed for size in sizes]) for scale in scales}
    idle = [scale for scale, share in shares.items() if not share]
    told = ", ".join(f"×{scale:.3g} for {share:.0%}" for scale, share in shares.items())
    if idle:
        used = ",".join(f"{scale:.4g}" for scale, share in shares.items() if share) or "1"
        what = f"data.scales: {told} of the photos; those for 0% never apply"
        yield Finding("scales", "note", what, f"use larger photos, or leave them out: data.scales=[{used}]")
    else:
        yield Finding("scales", "ok", f"data.scales: {told} of the photos")


def _remedy(sizes: Sequence[tuple[int, int]], options: StreamOptions, *, paired: bool) -> str:
    """The largest crop whose window nine of ten photos hold, or larger photos."""
    step = math.lcm(8, options.upscale)
    margin = 0 if paired else Window(options.gt_size, options.upscale).side - options.gt_size
    room = int(np.quantile([min(size) for size in sizes], 0.1)) - margin
    fitting = min(room // step * step, options.gt_size - step)
    return f"use larger photos, or give data.gt_size={fitting}" if fitting >= step else "use larger photos"
