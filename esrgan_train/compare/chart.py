"""The runs' curves over each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from esrgan_train.callbacks.curves import points, use_log_scale
from esrgan_train.compare.runs import Run
from esrgan_train.images.lettering import legible

_CURVES = {
    "val/psnr": "PSNR on held-out photos (dB)",
    "val/ssim": "SSIM on held-out photos",
    "train/pixel": "pixel loss",
}


def draw_curves(runs: Sequence[Run]) -> Figure:
    """One panel a value, and a legend below."""
    figure = Figure(figsize=(15, 4.2 + 0.25 * len(runs)), layout="constrained")
    axes = figure.subplots(1, len(_CURVES))
    for axis, (value, title) in zip(axes, _CURVES.items(), strict=True):
        for number, run in enumerate(runs):
            steps, values = thinned(*points(run.rows, value))
            marker = "o" if len(steps) < 30 else None
            axis.plot(steps, values, label=legible(run.name), color=f"C{number % 10}", marker=marker, markersize=3)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("iteration", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
    use_log_scale(axes[-1])
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(3, len(runs)), fontsize=8)
    return figure


def thinned(steps: Sequence[int], values: Sequence[float], most: int = 100) -> tuple[list[float], list[float]]:
    """Means of at most ``most`` equal stretches of the readings, so that no noisy curve hides the others."""
    count = min(most, len(steps))
    if not count:
        return [], []
    means = [[float(part.mean()) for part in np.array_split(np.asarray(each), count)] for each in (steps, values)]
    return means[0], means[1]
