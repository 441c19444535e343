"""The progress bar: stage, iteration, losses, samples per second, time left."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

import rich
from lightning import Callback, LightningModule, Trainer
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as RichProgress

from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import STAGE_NAMES, StageName
from esrgan_train.training.validation import is_trial

log = logging.getLogger(__name__)

_SHOWN = {"pixel": "pixel", "perceptual": "perceptual", "adversarial": "adv", "d_accuracy": "D right"}
_BAR_INTERVAL = 0.1  # seconds between two looks of the bar at the figures; it is drawn as often
_LINE_INTERVAL = 10.0  # between lines where no bar can be drawn


class Progress(Callback):
    """Draws a bar on a terminal, or writes a line every ten seconds where there is none.

    Unlike Lightning's bars, it knows that iterations of the two stages take different times.
    """

    def __init__(self) -> None:
        self.bar: RichProgress | None = None
        self._stage: StageName = "pixel"
        self._iteration_seconds: float | None = None
        self._last_end: float | None = None
        self._last_shown = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        console = rich.get_console()
        self._last_shown = time.monotonic()
        if trainer.is_global_zero and console.is_terminal:
            count = TextColumn("{task.completed}/{task.total} {task.fields[figures]}")
            self.bar = RichProgress(TextColumn("{task.description}"), BarColumn(24), count, console=console)
            self.bar.start()
            self.bar.add_task("starting", total=trainer.max_steps, completed=trainer.global_step, figures="")

    def on_train_batch_start(self, trainer: Trainer, pl_module: ESRGANModule, *_: Any) -> None:
        stage = pl_module.objective.stage(trainer.global_step)
        if stage != self._stage:
            self._stage, self._iteration_seconds, self._last_end = stage, None, None

    def on_train_batch_end(self, trainer: Trainer, pl_module: ESRGANModule, *_: Any) -> None:
        now, done, total = time.monotonic(), trainer.global_step, trainer.max_steps
        if self._last_end is not None:
            self._iteration_seconds = smoothed(self._iteration_seconds, now - self._last_end)
        self._last_end = now
        interval = _BAR_INTERVAL if self.bar is not None else _LINE_INTERVAL
        due = now - self._last_shown >= interval or (self.bar is not None and done == total)
        if not trainer.is_global_zero or not due:
            return
        self._last_shown = now
        figures, name = _figures(trainer), STAGE_NAMES[self._stage]
        if (left := seconds_left(pl_module, done, total, self._iteration_seconds)) is not None:
            figures += f"{timedelta(seconds=round(left))} left"
        if self.bar is not None:
            self.bar.update(self.bar.task_ids[0], completed=done, description=name, figures=figures)
        else:
            log.info("%s  %d/%d  %s", name, done, total, figures)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Print the result, and keep the time of validation out of the estimate."""
        self._last_end = None
        if is_trial(trainer) or not trainer.is_global_zero:
            return
        values = trainer.callback_metrics
        log.info(
            "iteration %d: val/psnr %.2f dB (bicubic %.2f), val/ssim %.4f (bicubic %.4f)",
            trainer.global_step,
            *(float(values[f"val/{name}"]) for name in ("psnr", "psnr_bicubic", "ssim", "ssim_bicubic")),
        )

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None


def smoothed(mean: float | None, value: float, weight: float = 0.05) -> float:
    """A running mean that forgets over about 1/weight values; the first value is taken whole."""
    return value if mean is None else mean + weight * (value - mean)


def seconds_left(module: ESRGANModule, done: int, total: int, iteration_seconds: float | None) -> float | None:
    """Seconds until iteration ``total``; None before anything was measured.

    In the pixel stage, the GAN stage is estimated from the iteration that was rehearsed at the start.
    """
    if iteration_seconds is None:
        return None
    objective = module.objective
    if objective.stage(done) == "gan" or not objective.has_gan_stage or objective.start_step >= total:
        return (total - done) * iteration_seconds
    gan_seconds = module.gan_iteration_seconds or iteration_seconds
    return (objective.start_step - done) * iteration_seconds + (total - objective.start_step) * gan_seconds


def _figures(trainer: Trainer) -> str:
    values = trainer.callback_metrics
    shown = {f"train/{name}": f"{label} {{:.4f}}  " for name, label in _SHOWN.items()}
    shown["train/samples_per_second"] = "{:.1f} samples/s  "
    return "".join(text.format(float(values[name])) for name, text in shown.items() if name in values)
