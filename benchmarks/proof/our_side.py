"""This project's trainer in the race: the pixel stage under Lightning, with its callbacks and its loader."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lightning import Callback, LightningModule, Trainer

from benchmarks.proof.course import Course
from benchmarks.proof.timekeeper import Timekeeper, Weights
from esrgan_train.build import kernels_of
from esrgan_train.config import compose_config
from esrgan_train.train import build_run

_ENDLESS = 10**9  # iterations: the clock ends the run


def train_ours(course: Course, pairs: Path, keeper: Timekeeper) -> str:
    """Train on ``pairs`` until the time is over; what the trainer's own way was, in words."""
    with TemporaryDirectory() as folder:
        cfg = compose_config(overrides(course, pairs, Path(folder) / "run"))
        with kernels_of(cfg):
            run = build_run(cfg)
            Path(cfg.run_dir).mkdir()
            run.trainer.callbacks.append(_Race(keeper))  # type: ignore[attr-defined]
            run.trainer.fit(run.module, datamodule=run.datamodule)
    return f"starts as bilinear, EMA warms up, trainer.precision={run.module.precision.name}"


def overrides(course: Course, pairs: Path, run_dir: Path) -> list[str]:
    """The pixel stage on pairs with a constant learning rate; nothing is validated, and no end comes."""
    held_out = pairs / "held_out"  # or some of the pairs would be
    return [
        *("experiment=x2_clean", "generator=srvgg", "data=paired", "degradation=none"),
        *("recipe=starter", "logger=csv"),
        *(f"data.train_dir={pairs / 'hr'}", f"data.train_lr_dir={pairs / 'lr'}", f"run_dir={run_dir}"),
        *(f"data.val_dir={held_out / 'hr'}", f"data.val_lr_dir={held_out / 'lr'}"),
        *(f"data.gt_size={course.gt_size}", f"data.batch_size={course.batch_size}", f"seed={course.seed}"),
        *(f"generator.{name}={value}" for name, value in course.network.items() if name != "upscale"),
        *(f"upscale={course.upscale}", f"optimizer.pixel_lr={course.learning_rate}", "recipe.final_factor=1"),
        *("trainer.accelerator=cpu", f"trainer.max_steps={_ENDLESS}"),
        *("trainer.num_sanity_val_steps=0", "trainer.limit_val_batches=0"),
    ]


class _Race(Callback):
    def __init__(self, keeper: Timekeeper) -> None:
        self.keeper = keeper

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        self.keeper.start(_averaged(pl_module))

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        trainer.should_stop = self.keeper.after(trainer.global_step, lambda: _averaged(pl_module))


def _averaged(module: Any) -> Weights:
    return {name: tensor.detach().clone() for name, tensor in module.ema.module.state_dict().items()}
