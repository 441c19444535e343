"""checkpoints/ and model/: what a run can be resumed from, and what other programs open."""

from __future__ import annotations

import logging
import math
import os
import shutil
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer

from esrgan_train.archs.weights import save_model
from esrgan_train.errors import UserError
from esrgan_train.files import replacing, reporting_failure
from esrgan_train.training.checkpoint_io import DurableCheckpointIO
from esrgan_train.training.module import ESRGANModule

log = logging.getLogger(__name__)

LAST, BEST = "last.ckpt", "best.ckpt"


class Checkpoints(Callback):
    """Saves after each validation, so that a checkpoint holds that validation's result.

    ``checkpoints/last.ckpt`` is the newest, ``best.ckpt`` the best by ``monitor``; with ``every_n_steps``,
    ``step_00000000.ckpt`` is kept too. The averaged generator is written to ``model/<name>.pth`` and
    ``.safetensors`` each time.

    Args:
        run_dir: the run folder.
        name: file name of the model, without suffix.
        monitor: a logged value, such as ``val/psnr``.
        mode: ``max`` or ``min``: which value of ``monitor`` is the best.
        every_n_steps: keep the checkpoints of validations at multiples of this; None keeps none of them.

    Raises:
        UserError: a mode other than ``max`` and ``min``; a ``monitor`` that is never logged.
    """

    def __init__(self, *, run_dir: str, name: str, monitor: str, mode: str, every_n_steps: int | None) -> None:
        if mode not in ("max", "min"):
            raise UserError(f"callbacks.checkpoints.mode={mode} must be max or min")
        self.folder = Path(run_dir) / "checkpoints"
        self.model_path = Path(run_dir) / "model" / f"{name}.pth"
        self.monitor = monitor
        self.mode = mode
        self.every_n_steps = every_n_steps
        self.best_value: float | None = None
        self.best_step: int | None = None
        self._noted_step: int | None = None

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save."""
        assert isinstance(pl_module, ESRGANModule)
        if trainer.sanity_checking:
            return
        step = trainer.global_step
        improved = self.note(trainer)
        if not self.save(trainer, pl_module) or not trainer.is_global_zero:
            return
        with reporting_failure(f"a copy of {self.folder / LAST}"):
            if improved:
                _also(self.folder / LAST, self.folder / BEST)
            if self.every_n_steps and step % self.every_n_steps == 0:
                _also(self.folder / LAST, self.folder / f"step_{step:08}.ckpt")

    def save(self, trainer: Trainer, module: ESRGANModule) -> bool:
        """Write ``last.ckpt`` and the model files; whether that worked, which only the first process knows.

        A checkpoint that cannot be written is reported, and the one before stays.
        """
        trainer.save_checkpoint(self.folder / LAST)
        io = trainer.strategy.checkpoint_io
        assert isinstance(io, DurableCheckpointIO)
        if not trainer.is_global_zero:
            return True
        metadata = {**module.metadata, "iterations": trainer.global_step}
        for suffix in (".pth", ".safetensors"):
            path = self.model_path.with_suffix(suffix)
            with reporting_failure(str(path)):
                save_model(path, module.ema.module.state_dict(), metadata)
        return io.saved

    def note(self, trainer: Trainer) -> bool:
        """Take in the monitored value of this iteration, if not done yet; whether it is the best so far."""
        step = trainer.global_step
        if step == self._noted_step:
            return step == self.best_step
        self._noted_step = step
        if self.monitor not in trainer.callback_metrics:
            known = ", ".join(name for name in trainer.callback_metrics if name.startswith("val/"))
            raise UserError(f"callbacks.checkpoints.monitor={self.monitor} is not logged: give one of {known}")
        value = float(trainer.callback_metrics[self.monitor])
        sign = 1 if self.mode == "max" else -1
        if math.isnan(value) or (self.best_value is not None and sign * value <= sign * self.best_value):
            return False
        self.best_value, self.best_step = value, step
        return True

    def state_dict(self) -> dict[str, Any]:
        """The best so far, for the checkpoint."""
        return {"best_value": self.best_value, "best_step": self.best_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from the best so far."""
        self.best_value, self.best_step = state_dict["best_value"], state_dict["best_step"]


def _also(source: Path, target: Path) -> None:
    """Give ``source`` a second name; both are later replaced, never written into."""
    with replacing(target, durable=True) as partial:
        try:
            os.link(source, partial)
        except OSError:  # a file system without hard links, such as exFAT
            shutil.copyfile(source, partial)
