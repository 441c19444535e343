"""One training iteration: a generator step and, in the GAN stage, a discriminator step."""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from esrgan_train.allocator import give_back_freed_memory
from esrgan_train.devices import prefers_channels_last
from esrgan_train.errors import UserError
from esrgan_train.training.backward import (
    Images,
    Measured,
    Players,
    content_backward,
    published_backward,
    shared_backward,
)
from esrgan_train.training.batch import complete
from esrgan_train.training.buffers import Snapshot, power_vectors
from esrgan_train.training.ema import EMA
from esrgan_train.training.gradients import clip, gradients_of, mean_over_processes, norm_of
from esrgan_train.training.guard import NonFinite
from esrgan_train.training.meter import Meter
from esrgan_train.training.objective import Objective, Stage
from esrgan_train.training.options import Options
from esrgan_train.training.precision import Precision
from esrgan_train.training.randomness import seed_layers
from esrgan_train.training.schedule import Schedule
from esrgan_train.training.trial import is_trial
from esrgan_train.training.validation import Validation

log = logging.getLogger(__name__)

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]
Batch = dict[str, Any]


class ESRGANModule(LightningModule):
    """Trains a generator, first with the pixel loss alone, then against a discriminator.

    ``trainer.global_step`` counts iterations: only the generator steps through Lightning's optimizer wrapper,
    which is what counts. An iteration takes one batch of the loader, in ``options.accumulate`` parts. One whose
    losses or gradients are not finite, in any process, changes nothing but the count.

    Everything an iteration does is a function of the weights, the optimizers' state, the batch and the
    number of iterations done: learning rates are computed from that number, and layers that draw random
    numbers are seeded with it.

    Args:
        generator: (B, 3, h, w) in [0, 1] to (B, 3, h·upscale, w·upscale).
        discriminator: (B, 3, H, W) to logits of any shape; None if no GAN stage with one can come.
        objective: losses, weights and stages.
        make_optimizers: for ``pixel`` (generator, pixel stage), ``generator`` and ``discriminator`` (GAN
            stage). Each stage starts with a fresh optimizer.
        schedule: (iterations done in the stage, iterations of the stage) to the factor of the learning rate.
        upscale: output pixels per input pixel, each way.
        seed: of layers that draw random numbers.
        options: see ``Options``.
        precision: number format of the networks.
        metadata: plain values kept in the checkpoint, by which other commands rebuild the generator.
        settings: plain values kept in the checkpoint: a resumed run compares its own with them.
        measured: likewise: what validation depends on besides the weights.
    """

    def __init__(
        self,
        *,
        generator: nn.Module,
        discriminator: nn.Module | None,
        objective: Objective,
        make_optimizers: dict[str, MakeOptimizer],
        schedule: Schedule,
        upscale: int,
        seed: int,
        options: Options,
        precision: Precision,
        metadata: dict[str, Any],
        settings: dict[str, Any] | None = None,
        measured: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.memory_format = torch.channels_last if options.channels_last else torch.contiguous_format
        self.lr_format = self.memory_format  # the discriminator gains from channels_last everywhere
        if not prefers_channels_last(precision.device_type):
            self.lr_format = torch.contiguous_format
        self.generator = generator.to(memory_format=self.lr_format)
        self.discriminator = None
        if discriminator is not None:
            self.discriminator = discriminator.to(memory_format=self.memory_format)
        self.ema = EMA(self.generator, decay=options.ema_decay, warmup=options.ema_warmup)
        self.objective = objective
        self.upscale = upscale
        self.seed = seed
        self.options = options
        self.precision = precision
        self.metadata = metadata
        self.settings = settings or {}
        self.measured = measured or {}
        self.make_optimizers = make_optimizers
        self.schedule = schedule
        self.players = self._players()
        self.validation = Validation(upscale=upscale, memory_format=self.lr_format)
        self.meter = Meter()
        self.nonfinite = NonFinite()
        self.gan_iteration_seconds: float | None = None
        self.last_stage: Stage = self.objective.stage(0)
        self._settings: list[list[dict[str, Any]]] = []
        if options.compile:
            for network in self._networks():
                network.compile()  # in place: the names of the weights stay

    def _players(self) -> list[str]:
        """Names of the optimizers this training needs, in the order in which they are stored."""
        players = []
        if not self.objective.has_gan_stage or self.objective.start_step > 0:
            players.append("pixel")
        if self.objective.has_gan_stage:
            players.append("generator")
        if self.discriminator is not None:
            players.append("discriminator")
        return players

    def configure_optimizers(self) -> list[Optimizer]:
        """One optimizer for each of ``players``."""
        networks = {"pixel": self.generator, "generator": self.generator, "discriminator": self.discriminator}
        optimizers = [self.make_optimizers[name](networks[name].parameters()) for name in self.players]  # type: ignore[union-attr]
        self._settings = [[_settings(group) for group in optimizer.param_groups] for optimizer in optimizers]
        return optimizers

    # a Trainer of one's own

    def setup(self, stage: str) -> None:  # noqa: ARG002
        """Refuse a Trainer that would lay a number format of its own over this module's.

        Raises:
            UserError: it has another precision than ``32-true``.
        """
        if self.trainer.precision != "32-true":
            raise UserError(
                f"Trainer(precision={self.trainer.precision!r}) does not go with ESRGANModule, which casts by "
                "itself: leave it out, and give the module precision=choose_precision('bf16', 'cuda') or the like"
            )

    @classmethod
    def load_from_checkpoint(cls, checkpoint_path: Any, *args: Any, **parts: Any) -> Any:
        """Lightning's, which takes the parts of a training as keywords: no checkpoint holds losses or optimizers.

        Raises:
            UserError: they were not given.
        """
        if missing := [name for name in inspect.signature(cls).parameters if name not in parts]:
            raise UserError(
                f"ESRGANModule.load_from_checkpoint needs {', '.join(missing)}, which no checkpoint holds: use "
                f"esrgan_train.load_generator({str(checkpoint_path)!r}) for the network, or ckpt_path to go on "
                "with the run"
            )
        return super().load_from_checkpoint(checkpoint_path, *args, **parts)

    # training

    def on_train_start(self) -> None:
        """Start the clock. A resumed run takes its moments from the checkpoint, its settings from the config."""
        for optimizer, settings in zip(self._optimizers(), self._settings, strict=True):
            for group, values in zip(optimizer.param_groups, settings, strict=True):
                group.update(values)
        self.meter.start_clock()

    def training_step(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002 — Lightning's signature
        """One iteration on ``batch``: lr (B,3,h,w), hr and hr_target (B,3,H,W), float32 in [0, 1]."""
        batch = complete(batch, measured=False)
        images = self.arrange(batch)
        done = self.trainer.global_step
        stage = self.objective.stage(done)
        self._seed_layers(done)
        if done == 0 and stage == "pixel" and self._gan_stage_will_come():
            self._rehearse_gan(images)
        if stage != self.last_stage:
            self._enter_gan_stage(done)
        self.last_stage = stage

        weight = self.objective.adversarial_weight_after(done)
        measured = self.accumulate(images, stage, adversarial_weight=weight)
        active = self.active_players(stage)
        measured, skip = self._finish_gradients(measured, active)
        for player in active:
            self._step(player, done, skip)
        self.ema.update(self.generator, iteration=done + 1, skip=skip)

        self.meter.add(measured, skip=skip, samples=len(images["lr"]) * self.trainer.world_size)
        self.nonfinite.add(done + 1, batch.get("index"), measured, skip)
        ends = done + 1 >= self.trainer.max_steps > 0
        if (done + 1) % self.trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self._log_training(done + 1, self.meter.read())
        elif ends:
            self._log_training(done + 1, self.meter.means())  # kept: a run may go on from here
        if ends:
            self.trainer.should_stop = True  # unlike reaching max_steps, a stop is preceded by a validation

    def _seed_layers(self, done: int) -> None:
        seed_layers(self.seed, iteration=done, rank=self.global_rank, device=self.device)

    def arrange(self, batch: Batch) -> Images:
        """lr, hr and hr_target in the orders of memory that the networks work in."""
        formats = {"lr": self.lr_format, "hr": self.memory_format, "hr_target": self.memory_format}
        return {name: batch[name].contiguous(memory_format=order) for name, order in formats.items()}

    def accumulate(self, images: Images, stage: Stage, *, adversarial_weight: float | None = None) -> Measured:
        """Leave this iteration's gradients on every player of the stage; return what was measured.

        The gradients are those of the whole batch: each part's passes meet the normalized weights that the first
        part's met, and power iterations count once.

        ``adversarial_weight`` is the objective's, unless given.
        """
        parts = self.options.accumulate
        if parts == 1:
            return self.backward_all(images, stage, adversarial_weight=adversarial_weight)
        vectors = Snapshot(vector for network in self._networks() for vector in power_vectors(network))
        pieces = {name: tensor.chunk(parts) for name, tensor in images.items()}
        measured = []
        for part in range(parts):
            vectors.restore()
            images = {name: piece[part] for name, piece in pieces.items()}
            measured.append(
                self.backward_all(images, stage, share=1 / parts, adversarial_weight=adversarial_weight)
            )
        return {name: torch.stack([m[name].detach() for m in measured]).mean() for name in measured[0]}

    def backward_all(
        self, images: Images, stage: Stage, *, share: float = 1.0, adversarial_weight: float | None = None
    ) -> Measured:
        """Add the gradients of one part of a batch to those of every player of the stage."""
        if adversarial_weight is None:
            adversarial_weight = self.objective.adversarial_weight
        players = Players(
            generator=self.generator,
            discriminator=self.discriminator,
            objective=self.objective,
            precision=self.precision,
            adversarial_weight=adversarial_weight,
        )
        if stage == "pixel" or self.discriminator is None:
            return content_backward(players, images, stage=stage, share=share)
        if self.options.shared_fake_forward:
            return shared_backward(players, images, share=share)
        return published_backward(players, images, share=share)

    def active_players(self, stage: Stage) -> list[str]:
        """Who steps in this stage."""
        if stage == "pixel":
            return ["pixel"]
        return ["generator", "discriminator"] if self.discriminator is not None else ["generator"]

    def _finish_gradients(self, measured: Measured, active: list[str]) -> tuple[Measured, Tensor]:
        """Average over processes, measure and clip; whether anything is not finite, as 0 or 1."""
        parameters = {player: self._parameters_of(player) for player in active}
        gradients = {player: gradients_of(parameters[player]) for player in active}
        figures = torch.stack([value.detach().float() for value in measured.values()])
        bad = (~figures.isfinite()).any().float()
        mean_over_processes([*(g for each in gradients.values() for g in each), bad])
        norms = {player: norm_of(gradients[player]) for player in active}
        skip = ((bad > 0) | ~torch.stack(list(norms.values())).isfinite().all()).float()
        if self.options.grad_clip is not None:
            for player in active:
                clip(parameters[player], norms[player], limit=self.options.grad_clip)
        names = {"pixel": "grad_norm_generator"}
        return measured | {names.get(player, f"grad_norm_{player}"): norm for player, norm in norms.items()}, skip

    def _networks(self) -> list[nn.Module]:
        return [network for network in (self.generator, self.discriminator) if network is not None]

    def _parameters_of(self, player: str) -> list[nn.Parameter]:
        network = self.discriminator if player == "discriminator" else self.generator
        assert network is not None
        return list(network.parameters())

    def _step(self, player: str, done: int, skip: Tensor) -> None:
        index = self.players.index(player)
        # Lightning counts the steps of its wrappers; the discriminator's must not count as an iteration.
        optimizer = self._optimizers()[index]
        stepper = optimizer if player == "discriminator" else _listed(self.optimizers())[index]
        factor = self.schedule(*self._place_in_stage(player, done))
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor
        if all(group.get("fused") for group in optimizer.param_groups):
            optimizer.found_inf = skip  # type: ignore[attr-defined]  # read on the device: nothing waits for it
        elif skip:
            optimizer.zero_grad()  # a step without gradients changes nothing, and is counted
        stepper.step()
        optimizer.zero_grad()

    def _place_in_stage(self, player: str, done: int) -> tuple[int, int]:
        """Iterations done in this player's stage, and iterations it has."""
        switch = self.objective.start_step if self.objective.has_gan_stage else self.trainer.max_steps
        if player == "pixel":
            return done, min(switch, self.trainer.max_steps)
        return done - switch, self.trainer.max_steps - switch

    def _optimizers(self) -> list[Optimizer]:
        return _listed(self.optimizers(use_pl_optimizer=False))

    def _gan_stage_will_come(self) -> bool:
        return self.objective.has_gan_stage and self.trainer.max_steps > self.objective.start_step

    def _enter_gan_stage(self, done: int) -> None:
        """Go on from the averaged weights, as the published second stage does."""
        self.ema.copy_to(self.generator)
        self.log_rest()
        self.meter.restart()
        log.info("iteration %d: the GAN stage starts from the averaged generator", done)

    def _rehearse_gan(self, images: Images) -> None:
        """Compute one GAN iteration and discard it: what would fail then, memory above all, fails now.

        It also tells how long the GAN stage will take.
        """
        started = time.perf_counter()
        buffers = Snapshot(buffer for network in self._networks() for buffer in network.buffers())
        # A copy: a network may work in place on its input, and these images are still to be trained on.
        self.accumulate({name: tensor.clone() for name, tensor in images.items()}, "gan")
        self.zero_grad(set_to_none=True)
        buffers.restore()
        self.gan_iteration_seconds = time.perf_counter() - started
        self._seed_layers(0)
        self.meter.restart()

    def _log_training(self, step: int, measured: dict[str, float]) -> None:
        values = self._training_values(step, measured)
        self.log_dict(values, logger=False, on_step=True, on_epoch=False)
        self._tell_loggers(values, step)

    def log_rest(self) -> None:
        """Log what was measured since the last line of the log, where a stage or a run ends between two lines.

        The meter keeps it: a run that goes on from here logs the whole interval.
        """
        if measured := self.meter.means():
            step = self.trainer.global_step
            self._tell_loggers(self._training_values(step, measured), step)

    def _training_values(self, step: int, measured: dict[str, float]) -> dict[str, float]:
        return {
            f"train/{name}": value for name, value in (measured | {"lr": self._learning_rate(step - 1)}).items()
        }

    def _tell_loggers(self, values: dict[str, Any], step: int) -> None:
        """Log at once. Left to Lightning, the last training values would be logged again when the run stops."""
        for logger in self.loggers:
            logger.log_metrics({name: float(value) for name, value in values.items()}, step)

    def _learning_rate(self, done: int) -> float:
        player = "generator" if self.objective.stage(done) == "gan" else "pixel"
        return float(self._optimizers()[self.players.index(player)].param_groups[0]["lr"])

    # validation

    def on_validation_start(self) -> None:
        """Keep the time of validation out of the training rate."""
        self.meter.pause()

    def on_validation_end(self) -> None:
        """Let go of what photos took, which workers forked from here would hold on to; let the clock run again."""
        give_back_freed_memory()
        self.meter.resume()

    def forward(self, lr: Tensor) -> Tensor:
        """(B, 3, h, w) in [0, 1] to (B, 3, h·upscale, w·upscale) by the averaged generator, in float32."""
        # Always a copy: a network may work in place on its input, and the caller goes on with it.
        sr: Tensor = self.ema(lr.clone(memory_format=self.lr_format))
        return sr

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Compare the averaged generator and bicubic enlargement with held-out photos."""
        return self.validation.take(self.ema.module, complete(batch, measured=True))

    def on_validation_epoch_end(self) -> None:
        """Log the means over all photos."""
        values = {f"val/{name}": value for name, value in self.validation.means().items()}
        self.log_dict(values, logger=False, sync_dist=True)
        if not is_trial(self.trainer):
            self._tell_loggers(values, self.trainer.global_step)

    # checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what rebuilds the generator from the file alone, and what the next iteration needs to know."""
        checkpoint["esrgan_train"] = self.metadata
        checkpoint["settings"] = self.settings
        checkpoint["measured"] = self.measured
        checkpoint["players"] = self.players
        checkpoint["stage"] = self.last_stage
        checkpoint["meter"] = self.meter.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the stage of the last iteration, and what was measured since the last line of the log."""
        self.last_stage = checkpoint["stage"]
        self.meter.load_state_dict(checkpoint["meter"])


def _settings(group: dict[str, Any]) -> dict[str, Any]:
    """What the configuration says of a group of parameters: all but the parameters."""
    return {**{name: value for name, value in group.items() if name != "params"}, "initial_lr": group["lr"]}


def _listed(one_or_more: Any) -> list[Any]:
    """Lightning hands out a single optimizer bare, several as a list."""
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]
