"""What a finished run has come to: whether it ended well, and which of its files to use."""

from __future__ import annotations

import logging
import math
from pathlib import Path

from lightning import Trainer
from omegaconf import DictConfig, OmegaConf

from esrgan_train.callbacks.best import Best
from esrgan_train.callbacks.checkpoints import Checkpoints
from esrgan_train.callbacks.health import DIVERGED
from esrgan_train.callbacks.lookup import callback_of
from esrgan_train.callbacks.summary import Summary
from esrgan_train.errors import RunError
from esrgan_train.training.checkpoint_io import best_file
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import LEARNING_RATES, STAGE_NAMES, StageName

log = logging.getLogger(__name__)


def check_outcome(cfg: DictConfig, trainer: Trainer, module: ESRGANModule) -> None:
    """Make sure that the weights are of use. Every process comes to the same conclusion.

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


def announce_best(trainer: Trainer, run_dir: Path) -> None:
    """Name the best checkpoint of the stage in which the run ended; warn if the start was better."""
    if (checkpoints := callback_of(trainer, Checkpoints)) is None:
        return
    module = trainer.lightning_module
    assert isinstance(module, ESRGANModule)
    stage = module.objective.stage_of(trainer.global_step)
    if (best := best_so_far(trainer, stage)) is None:
        return
    monitor = checkpoints.best.monitor
    if best.step == trainer.global_step:
        log.info("best          the same: of the %s, by %s", STAGE_NAMES[stage], monitor)
    else:
        log.info(
            "best          %s, of the %s: %s %.4g after %d iterations",
            *(run_dir / "checkpoints" / best_file(stage), STAGE_NAMES[stage], monitor, best.value, best.step),
        )
    summary = callback_of(trainer, Summary)
    start = summary.start.get(monitor.removeprefix("val/")) if summary is not None else None
    if start is not None and checkpoints.best.is_better(start, best.value):
        log.warning("%s", worse_than_start(stage, monitor, start, best))


def best_so_far(trainer: Trainer, stage: StageName) -> Best | None:
    """A stage's best validation, as far as there is one."""
    checkpoints = callback_of(trainer, Checkpoints)
    return checkpoints.best.stages.get(stage) if checkpoints is not None else None


def worse_than_start(stage: StageName, monitor: str, start: float, best: Best) -> str:
    """What to say of a stage whose best is not as good as the weights that the run started from."""
    remedy = {
        "pixel": "give it more iterations, or a lower optimizer.pixel_lr",
        "gan": "see in previews/ whether texture makes up for it, or give a lower optimizer.lr",
    }
    return (
        f"the best {monitor} of the {STAGE_NAMES[stage]}, {best.value:.4g} after {best.step} iterations, is worse "
        f"than that of the start, {start:.4g}: {remedy[stage]}"
    )
