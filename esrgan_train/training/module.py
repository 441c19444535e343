"""The training step behind Lightning's hooks."""

from __future__ import annotations

import inspect
import logging
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.profiler import record_function

from esrgan_train.allocator import give_back_freed_memory
from esrgan_train.archs.folding import fold
from esrgan_train.errors import UserError
from esrgan_train.training.batch import Batch
from esrgan_train.training.ema import EMA
from esrgan_train.training.meter import Meter
from esrgan_train.training.stages import StageName
from esrgan_train.training.step import TrainingStep
from esrgan_train.training.validation import Validation, is_trial

log = logging.getLogger(__name__)


class ESRGANModule(LightningModule):
    """Trains a generator, first with the pixel loss alone, then against a discriminator.

    ``trainer.global_step`` counts iterations: only the generator steps through Lightning's optimizer wrapper,
    which is what counts.

    Args:
        step: what an iteration does: networks, losses, optimizers.
        upscale: output pixels per input pixel, each way.
        metadata: plain values kept in the checkpoint, by which other commands rebuild the generator.
        settings: plain values kept in the checkpoint: a resumed run compares its own with them.
        measured: the same for what validation depends on besides the weights.
    """

    generator: nn.Module
    discriminator: nn.Module | None

    def __init__(
        self,
        step: TrainingStep,
        *,
        upscale: int,
        metadata: dict[str, Any],
        settings: dict[str, Any] | None = None,
        measured: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.step = step
        for name, network in ({"generator": step.generator, "discriminator": None} | step.discriminators).items():
            self.add_module(name, network)  # the name is a prefix in the checkpoint
        self.ema: EMA = step.ema
        self.objective = step.objective
        self.validation = Validation(upscale=upscale, memory_format=step.lr_format)
        self.upscale = upscale
        self.precision = step.precision
        self.metadata = metadata
        self.settings = settings or {}
        self.measured = measured or {}
        self.players = [player.name for player in step.players]
        self._folded: tuple[nn.Module] | None = None  # during a validation; a tuple, since it is no part of this
        self.meter = Meter()
        self.gan_iteration_seconds: float | None = None
        self.last_stage: StageName = self.objective.stage(0)

    def configure_optimizers(self) -> list[Optimizer]:
        """One optimizer for each of ``players``."""
        return self.step.make_optimizers()

    def setup(self, stage: str) -> None:  # noqa: ARG002
        """``UserError`` for a Trainer that would impose its own number format on this module."""
        if self.trainer.precision != "32-true":
            raise UserError(
                f"Trainer(precision={self.trainer.precision!r}) does not go with ESRGANModule, which casts by "
                "itself: leave it out, and build the module with choose_precision('bf16', 'cuda') or the like"
            )

    # training

    def on_train_start(self) -> None:
        """Start the clock. Of a checkpoint's optimizers a resumed run takes the moments, not the settings."""
        for player in self.step.players:
            player.restore_settings()
        self.meter.start_clock()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:  # noqa: ARG002 — Lightning's signature
        """Before the first iteration rehearse the later stage; at its start, enter it."""
        done, max_steps = self.trainer.global_step, self.trainer.max_steps
        stage, final = self.objective.stage(done), self.objective.stage(max(max_steps, 1) - 1)
        if done == 0 and stage != final:
            self.gan_iteration_seconds, peak = self.step.rehearse(batch, final)
            if peak is not None and self.trainer.is_global_zero:
                log.info(
                    "memory        an iteration of the GAN stage takes %.1f GB of the GPU at most", peak / 1e9
                )
            self.meter.restart()
        if stage != self.last_stage:
            self.log_rest()
            self.ema.copy_to(self.generator)  # as the published second stage does
            self.meter.restart()
            log.info("iteration %d: the GAN stage starts from the averaged generator", done)
        self.last_stage = stage

    def training_step(self, batch: Any, batch_idx: int) -> dict[str, Any]:  # noqa: ARG002
        """One iteration on ``batch``, see ``TrainingStep``; callbacks get what it measured."""
        done, max_steps = self.trainer.global_step, self.trainer.max_steps
        measured, skip = self.step(batch, done=done, max_steps=max_steps, step_first=self._step_and_count)
        self.meter.add(measured, skip=skip, samples=len(batch["lr"]) * self.trainer.world_size)
        due = (done + 1) % self.trainer.log_every_n_steps == 0  # type: ignore[attr-defined]
        ends = done + 1 >= max_steps > 0
        if due or ends:
            means = self.meter.means()
            if due:  # else they are kept: a run may be resumed from here
                self.meter.restart()
            self._log_training(means)
        if ends:
            self.trainer.should_stop = True  # unlike reaching max_steps, a stop is preceded by a validation
        # What the loss scale settles by itself is no fault to report.
        failed = skip if self.step.settled is None else skip * (1 - self.step.settled)
        return {"measured": measured, "skip": skip, "failed": failed}

    def _step_and_count(self, optimizer: Optimizer) -> None:
        """Step through Lightning's wrapper, which counts; a discriminator's step must not count."""
        wrappers = self.optimizers()
        for wrapper in wrappers if isinstance(wrappers, list) else [wrappers]:
            if wrapper.optimizer is optimizer:
                wrapper.step()

    # logging

    @record_function("esrgan/logging")
    def _log_training(self, measured: dict[str, float]) -> None:
        values = self._training_values(measured)
        # As self.log would, but that takes 3 ms for these values: a tenth of an iteration of a small network.
        self.trainer.callback_metrics.update({name: torch.tensor(value) for name, value in values.items()})
        self._send_to_loggers(values)

    def log_rest(self) -> None:
        """Log what was measured since the last line of the log, at the end of a stage or run.

        The meter keeps it: a run that is resumed from here logs the whole interval.
        """
        if measured := self.meter.means():
            self._send_to_loggers(self._training_values(measured))

    def _training_values(self, measured: dict[str, float]) -> dict[str, float]:
        """The values under their names in the log, with the learning rate of the last iteration."""
        (player, *_) = self.step.active_players(self.trainer.global_step - 1)
        rate = float(player.optimizer.param_groups[0]["lr"])
        return {f"train/{name}": value for name, value in measured.items()} | {"train/lr": rate}

    def _send_to_loggers(self, values: dict[str, float]) -> None:
        """Log at once. Left to Lightning, the last training values would be logged again when the run stops."""
        for logger in self.loggers:
            logger.log_metrics(values, self.trainer.global_step)

    # validation

    def on_validation_start(self) -> None:
        """Keep the time of validation out of the training rate; fold the averaged generator's branches."""
        self.meter.pause()
        self._folded = (self.evaluated,)

    def on_validation_end(self) -> None:
        """Free the memory of the photos before workers are forked; start the clock again."""
        self._folded = None  # training changes the weights
        give_back_freed_memory()
        self.meter.resume()

    @property
    def evaluated(self) -> nn.Module:
        """The averaged generator as it is evaluated: branches, if it has some, are folded once a validation."""
        return fold(self.ema.module) if self._folded is None else self._folded[0]

    def forward(self, lr: Tensor) -> Tensor:
        """(B, 3, h, w) in [0, 1] to (B, 3, h·upscale, w·upscale) by the averaged generator, in float32."""
        # Always a copy: a network may work in place on its input, which the caller still needs.
        sr: Tensor = self.evaluated(lr.clone(memory_format=self.step.lr_format))
        return sr

    def validation_step(self, batch: Any, batch_idx: int) -> Batch:
        """Compare the averaged generator and bicubic enlargement with held-out photos."""
        return self.validation.add(self.evaluated, batch, position=batch_idx)

    def on_validation_epoch_end(self) -> None:
        """Log the means over all photos."""
        self.log_validation(self.validation.figures())

    def log_validation(self, figures: dict[str, float]) -> None:
        """Log figures of all photos, for callbacks too."""
        self.log_dict(figures, logger=False, sync_dist=True)
        if not is_trial(self.trainer):
            self._send_to_loggers(figures)

    # checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what rebuilds the generator from the file alone, and what the next iteration needs to know."""
        checkpoint["esrgan_train"] = self.metadata
        checkpoint["settings"] = self.settings
        checkpoint["measured"] = self.measured
        checkpoint["players"] = self.players
        checkpoint["stage"] = self.last_stage
        checkpoint["meter"] = self.meter.state_dict()
        if self.step.loss_scale is not None:
            checkpoint["loss_scale"] = self.step.loss_scale.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the stage of the last iteration, and what was measured since the last line of the log."""
        self.last_stage = checkpoint["stage"]
        self.meter.load_state_dict(checkpoint["meter"])
        if self.step.loss_scale is not None and "loss_scale" in checkpoint:
            self.step.loss_scale.load_state_dict(checkpoint["loss_scale"])

    @classmethod
    def load_from_checkpoint(cls, checkpoint_path: Any, *args: Any, **parts: Any) -> Any:
        """Lightning's, given losses and optimizers as keywords; ``UserError`` without them."""
        parameters = inspect.signature(cls).parameters.values()
        if missing := [p.name for p in parameters if p.default is p.empty and p.name not in parts]:
            raise UserError(
                f"ESRGANModule.load_from_checkpoint needs {', '.join(missing)}, which no checkpoint holds: use "
                f"esrgan_train.load_generator({str(checkpoint_path)!r}) for the network, or ckpt_path to resume "
                "the run"
            )
        return super().load_from_checkpoint(checkpoint_path, *args, **parts)
