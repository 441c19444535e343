"""curves.png: the run at a glance, drawn from metrics.csv."""

from __future__ import annotations

from pathlib import Path

from lightning import Callback, LightningModule, Trainer
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from esrgan_train.files import replacing, reporting_failure
from esrgan_train.loggers.metrics_csv import FILE_NAME, Row, read_rows
from esrgan_train.training.module import ESRGANModule

_PANELS = {
    "PSNR on held-out photos (dB)": ["val/psnr", "val/psnr_bicubic"],
    "SSIM on held-out photos": ["val/ssim", "val/ssim_bicubic"],
    "generator losses, without weights": ["train/pixel", "train/perceptual", "train/adversarial"],
    "discriminator losses": ["train/d_real", "train/d_fake"],
    "discriminator: mean logit": ["train/d_real_score", "train/d_fake_score"],
    "discriminator accuracy, colour shift": ["train/d_accuracy", "train/colour_shift"],
}
_LOG_SCALE = {"generator losses, without weights"}


class Curves(Callback):
    """Draws curves.png after each validation.

    Args:
        run_dir: the run folder.
    """

    def __init__(self, *, run_dir: str) -> None:
        self.run_dir = Path(run_dir)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw what metrics.csv holds so far."""
        assert isinstance(pl_module, ESRGANModule)
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        objective = pl_module.objective
        switch = objective.start_step if objective.has_gan_stage else None
        figure = draw_curves(read_rows(self.run_dir / FILE_NAME), switch)
        path = self.run_dir / "curves.png"
        with reporting_failure(str(path)), replacing(path) as partial:
            figure.savefig(partial, dpi=100)


def draw_curves(rows: list[Row], switch: int | None) -> Figure:
    """The panels that have data; a dotted line marks iteration ``switch``, where the GAN stage starts."""
    panels = {title: names for title, names in _PANELS.items() if any(points(rows, name)[0] for name in names)}
    figure = Figure(figsize=(12, 3 * max(1, -(-len(panels) // 2))), layout="constrained")
    axes = list(figure.subplots(max(1, -(-len(panels) // 2)), 2, squeeze=False).flat)
    last_step = max((int(row["step"]) for row in rows), default=0)
    for axis, (title, names) in zip(axes, panels.items(), strict=False):
        for name in names:
            steps, values = points(rows, name)
            if steps:
                axis.plot(steps, values, label=name, marker="o" if len(steps) < 30 else None, markersize=3)
        _finish(axis, title, switch if switch is not None and 0 < switch <= last_step else None)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    return figure


def points(rows: list[Row], name: str) -> tuple[list[int], list[float]]:
    """Steps and values of the rows that hold ``name``."""
    held = [row for row in rows if row.get(name)]
    return [int(row["step"]) for row in held], [float(row[name]) for row in held]


def _finish(axis: Axes, title: str, switch: int | None) -> None:
    axis.set_title(title, fontsize=10)
    axis.set_xlabel("iteration", fontsize=8)
    axis.grid(alpha=0.3)
    if title in _LOG_SCALE:
        axis.set_yscale("log")
    if switch is not None:
        axis.axvline(switch, color="gray", linestyle=":", label="GAN stage starts")
    axis.legend(fontsize=8)
