"""curves.png: the run at a glance, drawn from metrics.csv."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from lightning import Callback, Trainer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from esrgan_train.bounds import bounded
from esrgan_train.callbacks.health import Health, Sign
from esrgan_train.callbacks.lookup import callback_of
from esrgan_train.files import replacing, reporting_failure
from esrgan_train.loggers.metrics_csv import FILE_NAME, Row, read_rows
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.validation import is_trial

_LOSSES = "generator losses, without weights"
_PANELS = {
    "PSNR on held-out photos (dB)": ["val/psnr", "val/psnr_bicubic"],
    "SSIM on held-out photos": ["val/ssim", "val/ssim_bicubic"],
    _LOSSES: ["train/pixel", "train/perceptual", "train/adversarial", "train/adversarial_features"],
    "discriminator losses": ["train/d_real", "train/d_fake", "train/d_r1"],
    "discriminator: mean logit, above 0 for 'real'": ["train/d_real_score", "train/d_fake_score"],
    "discriminator: share of pixels judged rightly": [
        "train/d_accuracy",
        "train/d_real_accuracy",
        "train/d_fake_accuracy",
    ],
    "generated crops: colour shift, share of clipped values": ["train/colour_shift", "train/clipped"],
    "LPIPS and DISTS on held-out photos, less is better": ["val/lpips", "val/dists"],
    "NIQE of enlarged pictures, less is better": ["val/niqe", "val/niqe_real"],
}
LOG_SCALE = {_LOSSES}


class Curves(Callback):
    """Draws curves.png after each validation."""

    @bounded
    def __init__(self, *, run_dir: str) -> None:
        self.run_dir = Path(run_dir)

    def on_validation_end(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        if is_trial(trainer) or not trainer.is_global_zero:
            return
        objective = pl_module.objective
        switch = objective.start_step if objective.has_gan_stage else None
        health = callback_of(trainer, Health)
        path = self.run_dir / "curves.png"
        with reporting_failure(str(path)):
            signs = health.signs if health else ()
            losses = [f"train/{name}" for name in objective.names]
            figure = draw_curves(read_rows(self.run_dir / FILE_NAME), switch, signs, losses)
            with replacing(path) as partial:
                figure.savefig(partial, dpi=100)


def draw_curves(
    rows: list[Row], switch: int | None, signs: Sequence[Sign] = (), losses: Sequence[str] = ()
) -> Figure:
    """The panels that have data, in columns of two; ``losses`` join the generator's.

    A dotted line marks iteration ``switch``, where the GAN stage starts; stretches in which a warning sign lasted
    too long are shaded.
    """
    panels = panels_of(rows, losses)
    figure = Figure(figsize=(14, 3 * max(1, -(-len(panels) // 2))), layout="constrained")
    axes = list(figure.subplots(max(1, -(-len(panels) // 2)), 2, squeeze=False).flat)
    last_step = max((int(row["step"]) for row in rows), default=0)
    for axis, (title, names) in zip(axes, panels.items(), strict=False):
        for name in names:
            steps, values = points(rows, name)
            if steps:
                axis.plot(steps, values, label=name, marker="o" if len(steps) < 30 else None, markersize=3)
        for sign in (sign for sign in signs if sign.value in names):
            for number, (start, end) in enumerate(stretches(sign, *points(rows, sign.value))):
                label = sign.label if number == 0 else None  # one entry in the legend
                axis.axvspan(start, end, color="tab:red", alpha=0.15, label=label)
        axis.set_xlim(0, max(1, last_step) * 1.02)
        _finish(axis, title, switch if switch is not None and 0 < switch <= last_step else None)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return figure


def panels_of(rows: list[Row], losses: Sequence[str] = ()) -> dict[str, list[str]]:
    """The titles of the panels for which ``rows`` hold something, and the names of their values."""
    wanted = _PANELS | {_LOSSES: list(dict.fromkeys([*_PANELS[_LOSSES], *losses]))}
    return {title: names for title, names in wanted.items() if any(points(rows, name)[0] for name in names)}


def points(rows: list[Row], name: str) -> tuple[list[int], list[float]]:
    """Steps and values of the rows that hold ``name``."""
    held = [row for row in rows if row.get(name)]
    return [int(row["step"]) for row in held], [float(row[name]) for row in held]


def stretches(sign: Sign, steps: list[int], values: list[float]) -> Iterator[tuple[int, int]]:
    """The first and the last iteration of each stretch of readings above the sign's limit that lasted too long."""
    for high, readings in groupby(zip(steps, values, strict=True), key=lambda reading: reading[1] > sign.limit):
        span = [step for step, _ in readings]
        if high and span[-1] - span[0] >= sign.patience:
            yield span[0], span[-1]


def _finish(axis: Axes, title: str, switch: int | None) -> None:
    axis.set_title(title, fontsize=10)
    axis.set_xlabel("iteration", fontsize=8)
    axis.grid(alpha=0.3)
    if title in LOG_SCALE:
        use_log_scale(axis)
    if switch is not None:
        axis.axvline(switch, color="gray", linestyle=":", label="GAN stage starts")
    axis.tick_params(labelsize=8)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1.0))  # beside: no curve is covered


def use_log_scale(axis: Axes) -> None:
    """Powers of ten up the side, with plain numbers where they would be too few."""
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())
