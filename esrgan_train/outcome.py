"""The outcome of a finished run: whether its weights are of use, its best validations, the value for a sweep."""

from __future__ import annotations

import math
from pathlib import Path

from lightning import Trainer
from omegaconf import DictConfig, OmegaConf

from esrgan_train.callbacks.best import Best
from esrgan_train.callbacks.checkpoints import Checkpoints
from esrgan_train.callbacks.health import DIVERGED
from esrgan_train.callbacks.lookup import callback_of
from esrgan_train.errors import RunError, UserError
from esrgan_train.training.checkpoint_io import best_file
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import LEARNING_RATES, StageName


def check_outcome(cfg: DictConfig, trainer: Trainer, module: ESRGANModule) -> None:
    """Make sure that the weights are of use; all processes agree.

    Raises:
        RunError: the last validation was not finite, or generated values lay far beyond black and white.
    """
    values = {name: float(value) for name, value in trainer.callback_metrics.items()}
    bad = [f"{name}={value}" for name, value in values.items() if name[:4] == "val/" and not math.isfinite(value)]
    if values.get("train/colour_shift", 0.0) > DIVERGED:
        bad.append(f"train/colour_shift={values['train/colour_shift']:.3g}")
    if not bad:
        return
    stage = module.objective.stage_of(trainer.global_step)
    option, best = LEARNING_RATES[stage], best_so_far(trainer, stage)
    file = Path(cfg.run_dir) / "checkpoints" / best_file(stage)
    again = (
        f"go back to ckpt_path={file}" if best is not None and best.step < trainer.global_step else "start again"
    )
    raise RunError(
        f"training has diverged: {', '.join(bad[:3])} after {trainer.global_step} iterations, so its model is of "
        f"no use: {again} with a lower {option} (it is {OmegaConf.select(cfg, option):g})"
    )


def best_so_far(trainer: Trainer, stage: StageName) -> Best | None:
    """A stage's best validation, if there is one."""
    checkpoints = callback_of(trainer, Checkpoints)
    return checkpoints.best.stages.get(stage) if checkpoints is not None else None


def optimized_metric(cfg: DictConfig, trainer: Trainer) -> float | None:
    """The logged value that a sweep asks for.

    Raises:
        UserError: it was not logged.
        RunError: it is not finite, so no search can use it.
    """
    if cfg.optimized_metric is None:
        return None
    if cfg.optimized_metric not in trainer.callback_metrics:
        known = ", ".join(sorted(trainer.callback_metrics))
        raise UserError(f"optimized_metric={cfg.optimized_metric} was not logged: choose from {known}")
    value = float(trainer.callback_metrics[cfg.optimized_metric])
    if not math.isfinite(value):
        raise RunError(
            f"optimized_metric={cfg.optimized_metric} is {value} at the end, which is no result: training has "
            "diverged; lower optimizer.pixel_lr or optimizer.lr"
        )
    return value
