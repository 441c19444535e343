"""One iteration of training: a generator step and, in the GAN stage, a step of each discriminator."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from operator import methodcaller
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.profiler import record_function

from esrgan_train.devices import prefers_channels_last
from esrgan_train.kernels import require_determinism
from esrgan_train.processes import all_reduce_mean, process_rank
from esrgan_train.training.backward import Game, Images, Measured, published_backward, shared_backward
from esrgan_train.training.batch import checked_batch
from esrgan_train.training.buffers import Snapshot, power_vectors
from esrgan_train.training.compiling import compile_networks
from esrgan_train.training.ema import EMA
from esrgan_train.training.feature_tap import FeatureTap
from esrgan_train.training.judge import Judge
from esrgan_train.training.loss_scale import LossScale
from esrgan_train.training.objective import Objective
from esrgan_train.training.options import Options
from esrgan_train.training.players import MakeOptimizer, Player, StepOptimizer
from esrgan_train.training.precision import Precision
from esrgan_train.training.randomness import seed_layers
from esrgan_train.training.schedule import Schedule
from esrgan_train.training.stages import Stage, StageName
from esrgan_train.training.teacher import Teacher

plain_step: StepOptimizer = methodcaller("step")


class Rehearsed(NamedTuple):
    """What an iteration took that was tried before the run."""

    seconds: float
    peak: int | None  # bytes of the GPU that were held at most; None on other devices


class TrainingStep:
    """What an iteration does, with a trainer or in a bare loop.

    It is a function of the weights, the optimizers' state, the batch and the number of iterations done: learning
    rates are computed from that number, and layers that draw random numbers are seeded with it. An iteration
    whose losses or gradients are not finite, in any process, changes nothing.

    Args:
        generator: (B, 3, h, w) in [0, 1] to (B, 3, h·upscale, w·upscale).
        discriminators: each (B, 3, H, W) to logits of any shape, a tensor or several, under the name that its
            adversarial term gives; none if no GAN stage with one can come.
        objective: losses, weights and stages.
        make_optimizers: for ``pixel`` (generator, pixel stage), ``generator`` (GAN stage) and each
            discriminator. Each stage starts with a fresh optimizer.
        schedule: (iterations done in the stage, iterations of the stage) to the factor of the learning rate.
        precision: number format of the networks.
        options: how the step is carried out.
        seed: of layers that draw random numbers.
        teacher: what losses that take ``teacher_sr`` compare with.
    """

    def __init__(
        self,
        *,
        generator: nn.Module,
        discriminators: Mapping[str, nn.Module],
        objective: Objective,
        make_optimizers: Mapping[str, MakeOptimizer],
        schedule: Schedule,
        precision: Precision,
        options: Options,
        seed: int,
        teacher: Teacher | None = None,
    ) -> None:
        if options.deterministic:
            require_determinism()
        self.memory_format = torch.channels_last if options.channels_last else torch.contiguous_format
        self.lr_format = self.memory_format  # discriminators gain from channels_last everywhere
        if not prefers_channels_last(precision.device_type):
            self.lr_format = torch.contiguous_format
        self.generator = generator.to(memory_format=self.lr_format)
        self.discriminators = {
            name: network.to(memory_format=self.memory_format) for name, network in discriminators.items()
        }
        self.ema = EMA(self.generator, decay=options.ema_decay, warmup=options.ema_warmup)
        self.objective = objective.to(memory_format=self.lr_format)  # its networks see the generator's images
        self.precision = precision
        self.options = options
        self.seed = seed
        self.teacher = teacher
        self.loss_scale = LossScale() if precision.needs_scale else None
        self.settled: Tensor | None = None  # 1 where the last iteration was left out by the loss scale, which fell
        self.players = self._make_players(make_optimizers, schedule)
        terms = [
            term for stage in objective.stages.values() for term in stage.adversarial if term.feature_matching
        ]
        matched = {term.judge for term in terms} & self.discriminators.keys()
        self._taps = {name: FeatureTap(self.discriminators[name]) for name in sorted(matched)}
        if options.compile:
            losses = [each for each in self.objective.children() if getattr(each, "holds_network", False)]
            compile_networks([*self.networks, *losses], precision.device_type)

    def _make_players(self, make: Mapping[str, MakeOptimizer], schedule: Schedule) -> list[Player]:
        """Each stage's players, the generator's first, in the order in which checkpoints keep the optimizers."""
        players = []
        for stage in self.objective.stages.values():
            player = partial(Player, stage=stage, schedule=schedule, grad_clip=self.options.grad_clip)
            name = stage.generator_player
            players.append(
                player(name=name, role="generator", network=self.generator, make=make[name], ema=self.ema)
            )
            for judge in (term.judge for term in stage.adversarial if term.judge in self.discriminators):
                network = self.discriminators[judge]
                players.append(player(name=judge, role=judge, network=network, make=make[judge]))
        return players

    @property
    def networks(self) -> list[nn.Module]:
        """The generator, then the discriminators."""
        return [self.generator, *self.discriminators.values()]

    def make_optimizers(self) -> list[Optimizer]:
        """A fresh optimizer for every player, in their order."""
        return [player.make_optimizer() for player in self.players]

    def active_players(self, done: int) -> list[Player]:
        """The players that step after ``done`` iterations, the generator's first."""
        name = self.objective.stage(done)
        return [player for player in self.players if player.stage.name == name]

    def __call__(
        self, batch: object, *, done: int, max_steps: int, step_first: StepOptimizer = plain_step
    ) -> tuple[Measured, Tensor]:
        """One iteration.

        Args:
            batch: see ``batch.checked_batch``; ``hr_target``, the target of pixel and perceptual loss, is
                ``hr`` where it is missing.
            done: iterations done before it.
            max_steps: iterations of the whole training.
            step_first: steps the generator's optimizer, where a trainer counts its steps.

        Returns:
            What was measured, and whether the iteration was skipped, as 0 or 1; scalars on the device.
        """
        images = self._prepare(batch, done)
        players = self.active_players(done)
        measured = self.accumulate(images, players[0].stage, done=done)
        norms, skip = self._finish_gradients(players, measured)
        for player in players:
            stepper = step_first if player is players[0] else plain_step
            player.step(done=done, max_steps=max_steps, skip=skip, step_optimizer=stepper)
        return measured | norms, skip

    @record_function("esrgan/gradients")
    def _finish_gradients(self, players: list[Player], measured: Measured) -> tuple[Measured, Tensor]:
        """Average over processes and clip; the gradients' norms, and whether anything is not finite, as 0 or 1."""
        gradients = [gradient for player in players for gradient in player.gradients()]
        if self.loss_scale is not None:
            self.loss_scale.unscale(gradients)
        figures = torch.stack([value.float() for value in measured.values()])
        bad = (~figures.isfinite()).any().float()
        all_reduce_mean([*gradients, bad])
        norms = {f"grad_norm_{player.role}": player.clip() for player in players}
        overflow = (~torch.stack(list(norms.values())).isfinite().all()).float()
        skip = torch.maximum((bad > 0).float(), overflow)
        if self.loss_scale is not None:
            self.settled = self.loss_scale.update(overflow) * (bad == 0)
            norms["loss_scale"] = self.loss_scale.factor.clone()
        return norms, skip

    def _prepare(self, batch: object, done: int) -> Images:
        """Check the batch, seed the layers, and put lr, hr and hr_target into the networks' memory formats."""
        given = checked_batch(batch)
        seed_layers(self.seed, iteration=done, rank=process_rank(), device=given["lr"].device)
        images = {"hr_target": given["hr"], **given}
        formats = {"lr": self.lr_format, "hr": self.memory_format, "hr_target": self.memory_format}
        return {name: images[name].contiguous(memory_format=order) for name, order in formats.items()}

    def accumulate(self, images: Images, stage: Stage, *, done: float = float("inf")) -> Measured:
        """Leave this iteration's gradients on every player of the stage; return what was measured.

        The gradients are those of the whole batch: every part sees the normalized weights that the first one saw,
        and power iterations count once.
        """
        parts = self.options.accumulate
        if parts == 1:
            return self.backward(images, stage, done=done)
        vectors = Snapshot(vector for network in self.networks for vector in power_vectors(network))
        pieces = {name: tensor.chunk(parts) for name, tensor in images.items()}
        measured = []
        for part in range(parts):
            vectors.restore()
            piece = {name: chunks[part] for name, chunks in pieces.items()}
            measured.append(self.backward(piece, stage, done=done, share=1 / parts))
        return {name: torch.stack([m[name] for m in measured]).mean() for name in measured[0]}

    def backward(
        self, images: Images, stage: Stage, *, done: float = float("inf"), share: float = 1.0
    ) -> Measured:
        """Add the gradients of one part of a batch to those of every player of the stage."""
        judges = [
            Judge(
                self.discriminators[term.judge],
                term,
                stage.adversarial_weight(term, done),
                self._taps.get(term.judge) if term.feature_matching else None,
            )
            for term in stage.adversarial
            if term.judge in self.discriminators
        ]
        factor = share if self.loss_scale is None else share * self.loss_scale.on(images["lr"].device)
        if "ema_sr" in stage.takes:
            with torch.no_grad():
                images = {**images, "ema_sr": self.precision.forward(self.ema.module, images["lr"].clone())}
        if "teacher_sr" in stage.takes:
            assert self.teacher is not None
            images = {**images, "teacher_sr": self.teacher(images["lr"], self.precision)}
        game = Game(
            generator=self.generator,
            judges=judges,
            stage=stage,
            precision=self.precision,
            factor=factor,
            done=done,
        )
        backward = shared_backward if self.options.shared_fake_forward else published_backward
        return {name: value.detach() for name, value in backward(game, images).items()}

    def rehearse(self, batch: object, stage: StageName) -> Rehearsed:
        """Compute an iteration of a later stage twice and discard it; the second one is timed.

        What would fail then, memory above all, fails now. The first one compiles, chooses kernels and takes the
        memory; a GPU is waited for before the clock is read.
        """
        buffers = Snapshot(buffer for network in self.networks for buffer in network.buffers())
        device = next(self.generator.parameters()).device
        for _ in range(2):
            started = _time_on(device)
            # Copies: a network may work in place on its input, and training needs this batch next.
            copies = {name: tensor.clone() for name, tensor in self._prepare(batch, 0).items()}
            self.accumulate(copies, self.objective.stages[stage])
            for network in self.networks:
                network.zero_grad(set_to_none=True)
            buffers.restore()
            seconds = _time_on(device) - started
        peak = torch.cuda.max_memory_reserved(device) if device.type == "cuda" else None
        return Rehearsed(seconds, peak)


def _time_on(device: torch.device) -> float:
    """Seconds on a clock that is read when the device has nothing left to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
