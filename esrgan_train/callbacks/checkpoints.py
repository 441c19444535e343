"""checkpoints/ and model/: what a run is resumed from, and what other programs open."""

from __future__ import annotations

import logging
import os
import shutil
import time
from pathlib import Path
from typing import Annotated, Any

from lightning import Callback, Trainer

from esrgan_train.bounds import Count, Wanted, bounded
from esrgan_train.callbacks.best import Best, BestOfStages, Mode, measured_otherwise, monitored
from esrgan_train.errors import UserError
from esrgan_train.files import replacing, reporting_failure
from esrgan_train.modelfiles.weights import load_checkpoint, save_model
from esrgan_train.runs.abandoned import set_aside
from esrgan_train.runs.checkpoints import written_ns
from esrgan_train.training.checkpoint_io import LAST, DurableCheckpointIO, best_file
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import STAGE_NAMES, StageName

log = logging.getLogger(__name__)


class Checkpoints(Callback):
    """Saves after each validation, so that a checkpoint holds that validation's result.

    ``checkpoints/last.ckpt`` is the newest, ``best_pixel.ckpt`` and ``best_gan.ckpt`` are the best of their
    stages by ``monitor``; with ``every_n_steps``, ``step_00000000.ckpt`` is kept too. The averaged generator is
    written to ``model/<name>.pth`` and ``.safetensors`` each time.

    Args:
        name: file name of the model, without suffix.
        monitor: a logged value, such as ``val/psnr``.
        mode: which value of ``monitor`` is the best.
        every_n_steps: keep the checkpoints of validations at multiples of this; None keeps none of them.
    """

    @bounded
    def __init__(
        self,
        *,
        run_dir: str,
        name: str,
        monitor: str,
        mode: Mode,
        every_n_steps: Annotated[Count | None, Wanted("for none")],
    ) -> None:
        self.folder = Path(run_dir) / "checkpoints"
        self.model_path = Path(run_dir) / "model" / f"{name}.pth"
        self.best = BestOfStages(monitor=monitor, mode=mode)
        self.every_n_steps = every_n_steps
        self._written_ns = 0

    def on_validation_end(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        if trainer.sanity_checking:
            return
        step, stage = trainer.global_step, pl_module.objective.stage_of(trainer.global_step)
        improved = self.note(trainer, stage)
        if not self.save(trainer, pl_module) or not trainer.is_global_zero:
            return
        with reporting_failure(f"a copy of {self.folder / LAST}"):
            if improved:
                _also(self.folder / LAST, self.folder / best_file(stage))
            if self.every_n_steps and step % self.every_n_steps == 0:
                _also(self.folder / LAST, self.folder / f"step_{step:08}.ckpt")

    def save(self, trainer: Trainer, module: ESRGANModule) -> bool:
        """Write ``last.ckpt`` and the model files; whether that worked only the first process knows."""
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

    def note(self, trainer: Trainer, stage: StageName) -> bool:
        """Add the monitored value of this iteration; return whether it is the best of its stage so far."""
        value = monitored(trainer, "callbacks.checkpoints.monitor", self.best.monitor)
        return self.best.note(stage, trainer.global_step, value)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: ESRGANModule, checkpoint: dict[str, Any]) -> None:
        """Add the best so far, and the time: the newest checkpoint is the one saved last."""
        self._written_ns = max(time.time_ns(), self._written_ns + 1)  # also where clocks differ or are set back
        checkpoint["written_ns"] = self._written_ns
        checkpoint["best"] = self.best.state()

    def on_load_checkpoint(self, trainer: Trainer, pl_module: ESRGANModule, checkpoint: dict[str, Any]) -> None:
        """Resume the best so far, where its file is here and its value can be compared with new ones."""
        # Lightning counts a batch that a stop left undone: validations would come off their iterations for good.
        batches = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["total"]
        batches["ready"] = batches["completed"]
        self._written_ns = checkpoint.get("written_ns", 0)
        before = checkpoint.get("best", self.best.state())  # an earlier version did not keep it by stages
        changed = measured_otherwise(checkpoint, pl_module) + self.best.differences(before)
        self.best.stages = {stage: Best(**best) for stage, best in before["stages"].items()}
        if not trainer.is_global_zero:
            return  # the first process alone keeps files
        for stage, best in list(self.best.stages.items()):
            reason = f"cannot be compared with new values (changed: {', '.join(changed)})" if changed else None
            if not changed and not self._has_file(stage, best, trainer.ckpt_path, checkpoint["global_step"]):
                reason = "has no checkpoint here"
            if reason is not None:
                del self.best.stages[stage]
                log.info(
                    "the best of the %s starts again: %s %.4g after %d iterations %s",
                    *(STAGE_NAMES[stage], before["monitor"], best.value, best.step, reason),
                )
        if changed:
            self._set_aside(after=checkpoint["global_step"])

    def _set_aside(self, *, after: int) -> None:
        """Move the best checkpoints aside, except the one that is resumed."""
        files = [file for stage in STAGE_NAMES if (file := self.folder / best_file(stage)).exists()]
        obsolete = [file for file in files if written_ns(file) != self._written_ns]
        set_aside(self.folder.parent, obsolete, after=after)

    def _has_file(self, stage: StageName, best: Best, resumed: Any, step: int) -> bool:
        """Whether the best checkpoint is in its place; ``resumed``, of iteration ``step``, may be that one."""
        file = self.folder / best_file(stage)
        if best.step == step:
            with reporting_failure(f"a copy of {resumed}"):
                _also(Path(resumed), file)
        try:
            return bool(load_checkpoint(file)["global_step"] == best.step)
        except UserError:
            return False


def _also(source: Path, target: Path) -> None:
    """Give ``source`` a second name; both are later replaced, never written into."""
    with replacing(target, durable=True) as partial:
        try:
            os.link(source, partial)
        except OSError:  # a file system without hard links, such as exFAT
            shutil.copyfile(source, partial)
