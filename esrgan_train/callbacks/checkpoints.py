"""checkpoints/ and model/: what a run is resumed from, and what other programs open."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any

from lightning import Callback, Trainer

from esrgan_train.archs.folding import weights_to_save
from esrgan_train.bounds import Count, Wanted, bounded
from esrgan_train.callbacks.best import (
    Best,
    BestOfStages,
    criterion_in,
    measured_otherwise,
    monitored,
    past_its_best,
    worded,
)
from esrgan_train.callbacks.criterion import (
    LAST,
    Criterion,
    by_measures,
    criterion_of,
    monitors_of,
    option_of,
    too_small,
)
from esrgan_train.callbacks.model_folder import ModelFolder
from esrgan_train.errors import UserError
from esrgan_train.files import replacing, reporting_failure
from esrgan_train.metrics.directions import Mode
from esrgan_train.modelfiles.weights import load_checkpoint, load_weights
from esrgan_train.runs.abandoned import set_aside
from esrgan_train.runs.checkpoints import written_ns
from esrgan_train.training.checkpoint_io import LAST as LAST_FILE
from esrgan_train.training.checkpoint_io import DurableCheckpointIO, best_file
from esrgan_train.training.module import ESRGANModule
from esrgan_train.training.stages import STAGE_NAMES, StageName

log = logging.getLogger(__name__)

Monitor = Annotated[
    str | Mapping[str, str],
    Wanted("auto, last or a value such as val/psnr_y, for both stages or for pixel and gan"),
]


class Checkpoints(Callback):
    """Saves after each validation, so that a checkpoint holds that validation's result.

    ``checkpoints/last.ckpt`` is the newest, ``best_pixel.ckpt`` and ``best_gan.ckpt`` are the best of their
    stages by ``monitor``; with ``every_n_steps``, ``step_00000000.ckpt`` is kept too. ``model/`` holds the
    averaged generator of the best of the newest stage, see ``ModelFolder``. Where the last is taken for the best,
    that is the newest one, unless it is not finite.

    Args:
        name: file name of the model, without suffix.
        monitor: by what the best is chosen, for both stages or by stage: a logged value, such as ``val/psnr``,
            ``last``, or ``auto``: ``val/psnr_y`` in the pixel stage, and in the GAN stage ``val/lpips`` or
            ``val/dists`` if the run has it, else the last.
        mode: which value of ``monitor`` is the best, where that is not known.
        every_n_steps: keep the checkpoints of validations at multiples of this; None keeps none of them.

    Raises:
        UserError: see ``criterion_of``.
    """

    @bounded
    def __init__(
        self,
        *,
        run_dir: str,
        name: str,
        monitor: Monitor,
        mode: Mode | None,
        every_n_steps: Annotated[Count | None, Wanted("for none")],
    ) -> None:
        self.folder = Path(run_dir) / "checkpoints"
        self.model = ModelFolder(Path(run_dir) / "model", name)
        self.monitor = monitor
        chosen = {stage: criterion_of(stage, each, mode) for stage, each in monitors_of(monitor).items()}
        self._by_measures = [stage for stage, criterion in chosen.items() if criterion is None]
        self.best = BestOfStages({stage: criterion or Criterion(LAST) for stage, criterion in chosen.items()})
        self.every_n_steps = every_n_steps
        self._written_ns = 0

    def setup(self, trainer: Trainer, pl_module: ESRGANModule, stage: str) -> None:
        """Choose the criteria that depend on what is measured, before a checkpoint is compared with them."""
        for each in self._by_measures:
            self.best.criteria[each] = by_measures(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: ESRGANModule) -> None:
        if trainer.sanity_checking:
            return
        step, stage = trainer.global_step, pl_module.objective.stage_of(trainer.global_step)
        self.note(trainer, stage)
        objective = pl_module.objective
        if objective.has_gan_stage and step == objective.start_step < trainer.max_steps:
            file, left = self.folder / best_file("pixel"), trainer.max_steps - step
            if line := past_its_best(self.best, trainer.callback_metrics, file, left):
                log.warning("%s", line)
        kept = self.every_n_steps and step % self.every_n_steps == 0
        if self.save(trainer, pl_module) and kept and trainer.is_global_zero:
            with reporting_failure(f"a copy of {self.folder / LAST_FILE}"):
                _also(self.folder / LAST_FILE, self.folder / f"step_{step:08}.ckpt")

    def save(self, trainer: Trainer, module: ESRGANModule) -> bool:
        """Write ``last.ckpt``, the best if this is it, and the model.

        Whether the first worked only the first process knows.
        """
        step, stage = trainer.global_step, module.objective.stage_of(trainer.global_step)
        if self.best.criteria[stage].monitor == LAST and stage in self.best.stages:
            self.note(trainer, stage)  # it may have been trained on since its validation
        trainer.save_checkpoint(self.folder / LAST_FILE)
        io = trainer.strategy.checkpoint_io
        assert isinstance(io, DurableCheckpointIO)
        if not trainer.is_global_zero:
            return True
        best = self.best.stages.get(stage)
        if io.saved and best is not None and best.step == step:
            with reporting_failure(f"a copy of {self.folder / LAST_FILE}"):
                _also(self.folder / LAST_FILE, self.folder / best_file(stage))
        self._write_model(module, stage, step)
        return io.saved

    def note(self, trainer: Trainer, stage: StageName) -> bool:
        """Add the monitored value of this iteration; return whether it is the best of its stage so far."""
        criterion = self.best.criteria[stage]
        if stage in self._by_measures and criterion.monitor not in (LAST, *trainer.callback_metrics):
            criterion = self.best.criteria[stage] = too_small(criterion)
        if criterion.monitor == LAST:
            values = [float(value) for name, value in trainer.callback_metrics.items() if name.startswith("val/")]
            return self.best.note(stage, trainer.global_step, sum(values))
        value = monitored(trainer, option_of(self.monitor, stage), criterion.monitor)
        return self.best.note(stage, trainer.global_step, value)

    def _write_model(self, module: ESRGANModule, stage: StageName, step: int) -> None:
        """Write the model unless the folder holds it already."""
        best = self.best.stages.get(stage)
        if best is None:  # stopped before the stage's first validation
            if not self.model.note():
                why = f"{STAGE_NAMES[stage]}, iteration {step:,}: the last, since none was validated"
                weights = weights_to_save(module.ema.module)
                self.model.write(weights, module.metadata, stage=stage, step=step, why=why)
        elif best.step == step:
            weights = weights_to_save(module.ema.module)
            self.model.write(weights, module.metadata, stage=stage, step=step, why=self.best.why(stage))
        elif not self.model.holds(stage, best.step):
            self._write_best_again(module, stage, best)

    def _write_best_again(self, module: ESRGANModule, stage: StageName, best: Best) -> None:
        """Write the model from the best checkpoint: it could not be written when that was, or is gone."""
        file = self.folder / best_file(stage)
        try:
            found = load_weights(file, branches=True)
        except UserError as error:
            log.warning("%s stays as it is: %s", self.model.folder, error)
            return
        if found.metadata.get("iterations") == best.step:  # else it could not be written either
            network = deepcopy(module.ema.module)
            network.load_state_dict(found.state_dict)
            weights, why = weights_to_save(network), self.best.why(stage)
            self.model.write(weights, found.metadata, stage=stage, step=best.step, why=why)

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
        changed = measured_otherwise(checkpoint, pl_module)
        self.best.stages = {stage: Best(**best) for stage, best in before["stages"].items()}
        if not trainer.is_global_zero:
            return  # the first process alone keeps files
        others = {stage: self._measured_otherwise(stage, before, changed) for stage in STAGE_NAMES}
        for stage, best in list(self.best.stages.items()):
            reason = f"cannot be compared with new values (changed: {', '.join(others[stage])})"
            if not others[stage]:
                if self._has_file(stage, best, trainer.ckpt_path, checkpoint["global_step"]):
                    continue
                reason = "has no checkpoint here"
            del self.best.stages[stage]
            log.info(
                "the best of the %s starts again: %s after %d iterations %s",
                *(STAGE_NAMES[stage], worded(criterion_in(before, stage).monitor, best), best.step, reason),
            )
        self._set_aside([stage for stage in STAGE_NAMES if others[stage]], after=checkpoint["global_step"])

    def _measured_otherwise(self, stage: StageName, state: dict[str, Any], changed: list[str]) -> list[str]:
        """What has changed since ``state`` was written so that a stage's best cannot be compared with new ones."""
        if criterion_in(state, stage).monitor == self.best.criteria[stage].monitor == LAST:
            return []  # nothing is compared
        return changed + self.best.differences(stage, state)

    def _set_aside(self, stages: list[StageName], *, after: int) -> None:
        """Move the best checkpoints of stages aside, except the one that is resumed."""
        files = [file for stage in stages if (file := self.folder / best_file(stage)).exists()]
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
