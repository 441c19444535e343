"""One training iteration: a generator step and, in the GAN stage, a discriminator step."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from esrgan_train.metrics.image_quality import ImageQuality
from esrgan_train.training.ema import EMA
from esrgan_train.training.health import colour_shift, discriminator_scores
from esrgan_train.training.meter import Meter
from esrgan_train.training.objective import Objective
from esrgan_train.training.precision import Precision

log = logging.getLogger(__name__)

MakeOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]
MakeScheduler = Callable[[Optimizer], LRScheduler]
Batch = dict[str, Any]
Measured = dict[str, Tensor]


class ESRGANModule(LightningModule):
    """Trains a generator, first with the pixel loss alone, then against a discriminator.

    Both players' gradients are computed from the same weights before either of them steps; as the
    discriminator sees the generated images without their graph, this equals the published order of
    generator step, then discriminator step. ``trainer.global_step`` counts iterations: only the generator
    steps through Lightning's optimizer wrapper, which is what counts.

    Args:
        generator: (B, 3, h, w) in [0, 1] to (B, 3, h·upscale, w·upscale).
        discriminator: (B, 3, H, W) to logits of any shape; None if no GAN stage with one can come.
        objective: losses, weights and stages.
        make_optimizers: for ``pixel`` (generator, pixel stage), ``generator`` and ``discriminator`` (GAN
            stage). Each stage starts with a fresh optimizer.
        make_scheduler: a learning-rate schedule for each optimizer, stepped once per iteration.
        upscale: output pixels per input pixel, each way.
        ema_decay: decay of the averaged generator, which starts as a copy.
        ema_warmup: let its memory grow with the run.
        channels_last: keep convolutions in NHWC order, which is faster on CPUs and tensor cores.
        shared_fake_forward: let one discriminator pass over the generated images serve both players.
        precision: number format of the networks.
        metadata: plain values kept in the checkpoint, by which other commands rebuild the generator.
    """

    def __init__(
        self,
        *,
        generator: nn.Module,
        discriminator: nn.Module | None,
        objective: Objective,
        make_optimizers: dict[str, MakeOptimizer],
        make_scheduler: MakeScheduler,
        upscale: int,
        ema_decay: float,
        ema_warmup: bool,
        channels_last: bool,
        shared_fake_forward: bool,
        precision: Precision,
        metadata: dict[str, Any],
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.generator = generator.to(memory_format=self.memory_format)
        self.discriminator = None
        if discriminator is not None:
            self.discriminator = discriminator.to(memory_format=self.memory_format)
        self.ema = EMA(self.generator, decay=ema_decay, warmup=ema_warmup)
        self.objective = objective
        self.upscale = upscale
        self.shared_fake_forward = shared_fake_forward
        self.precision = precision
        self.metadata = metadata
        self.make_optimizers = make_optimizers
        self.make_scheduler = make_scheduler
        self.players = self._players()
        self.quality = ImageQuality(border=upscale)
        self.bicubic_quality = ImageQuality(border=upscale)
        self.meter = Meter()
        self.gan_iteration_seconds: float | None = None

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

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        """One optimizer and schedule for each of ``players``."""
        networks = {"pixel": self.generator, "generator": self.generator, "discriminator": self.discriminator}
        optimizers = [self.make_optimizers[name](networks[name].parameters()) for name in self.players]  # type: ignore[union-attr]
        return optimizers, [self.make_scheduler(optimizer) for optimizer in optimizers]

    # training

    def on_train_start(self) -> None:
        """Start the clock."""
        self.meter.restart()

    def training_step(self, batch: Batch, batch_idx: int) -> None:  # noqa: ARG002 — Lightning's signature
        """One iteration on ``batch``: lr (B,3,h,w), hr and hr_target (B,3,H,W), float32 in [0, 1]."""
        images = {k: batch[k].contiguous(memory_format=self.memory_format) for k in ("lr", "hr", "hr_target")}
        done = self.trainer.global_step
        stage = self.objective.stage(done)
        if done == 0 and stage == "pixel" and self._gan_stage_will_come():
            self._rehearse_gan(images)
        if stage == "gan" and done == self.objective.start_step > 0:
            self._enter_gan_stage()

        measured = self.backward_all(images, stage)
        self._step("generator" if stage == "gan" else "pixel")
        if stage == "gan" and self.discriminator is not None:
            self._step("discriminator")
        self.ema.update(self.generator, iteration=done + 1)

        self.meter.add(measured, samples=len(images["lr"]) * self.trainer.world_size)
        if (done + 1) % self.trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self._log_training(done + 1)
        if done + 1 >= self.trainer.max_steps > 0:
            self.trainer.should_stop = True  # unlike reaching max_steps, a stop is preceded by a validation

    def backward_all(self, images: dict[str, Tensor], stage: str) -> Measured:
        """Leave this iteration's gradients on every player of the stage; return what was measured."""
        if stage == "pixel" or self.discriminator is None:
            return self._content_backward(images, stage)
        if self.shared_fake_forward:
            return self._shared_backward(images)
        return self._published_backward(images)

    def _content_backward(self, images: dict[str, Tensor], stage: str) -> Measured:
        sr = self._forward(self.generator, images["lr"])
        loss, measured = self.objective.content(sr, images["hr_target"], stage)  # type: ignore[arg-type]
        loss.backward()  # type: ignore[no-untyped-call]
        return {**measured, "colour_shift": colour_shift(sr, images["hr"])}

    def _published_backward(self, images: dict[str, Tensor]) -> Measured:
        """Three discriminator passes: generated (for the generator), real, generated (for itself)."""
        discriminator, adversarial = self.discriminator, self.objective.adversarial
        assert discriminator is not None
        assert adversarial is not None

        discriminator.requires_grad_(False)
        sr = self._forward(self.generator, images["lr"])
        content, measured = self.objective.content(sr, images["hr_target"], "gan")
        judged = adversarial.generator(self._forward(discriminator, sr))
        (content + self.objective.adversarial_weight * judged).backward()  # type: ignore[no-untyped-call]
        discriminator.requires_grad_(True)

        real_logits = self._forward(discriminator, images["hr"])
        fake_logits = self._forward(discriminator, sr.detach())
        d_real, d_fake = adversarial.real(real_logits), adversarial.fake(fake_logits)
        (d_real + d_fake).backward()  # type: ignore[no-untyped-call]
        measured |= {"adversarial": judged, "d_real": d_real, "d_fake": d_fake}
        measured |= discriminator_scores(real_logits, fake_logits)
        return {**measured, "colour_shift": colour_shift(sr, images["hr"])}

    def _shared_backward(self, images: dict[str, Tensor]) -> Measured:
        """Two discriminator passes, real and generated; the second gives both players their gradients."""
        discriminator, adversarial = self.discriminator, self.objective.adversarial
        assert discriminator is not None
        assert adversarial is not None

        sr = self._forward(self.generator, images["lr"])
        fake = sr.detach().requires_grad_()  # a leaf: the two players' graphs meet here
        fake_logits = self._forward(discriminator, fake)

        judged = adversarial.generator(fake_logits)
        weighted = self.objective.adversarial_weight * judged
        (from_discriminator,) = torch.autograd.grad(weighted, fake, retain_graph=True)
        content, measured = self.objective.content(sr, images["hr_target"], "gan")
        torch.autograd.backward([content, sr], [None, from_discriminator])

        real_logits = self._forward(discriminator, images["hr"])
        d_real, d_fake = adversarial.real(real_logits), adversarial.fake(fake_logits)
        torch.autograd.backward(d_real + d_fake, inputs=list(discriminator.parameters()))
        measured |= {"adversarial": judged, "d_real": d_real, "d_fake": d_fake}
        measured |= discriminator_scores(real_logits, fake_logits)
        return {**measured, "colour_shift": colour_shift(sr, images["hr"])}

    def _forward(self, network: nn.Module, images: Tensor) -> Tensor:
        """The network's output as float32, whatever it computes in."""
        with self.precision.autocast():
            output: Tensor = network(images)
        return output.float()

    def _step(self, player: str) -> None:
        index = self.players.index(player)
        # Lightning counts the steps of its wrappers; the discriminator's must not count as an iteration
        optimizer = _listed(self.optimizers(use_pl_optimizer=player != "discriminator"))[index]
        optimizer.step()
        optimizer.zero_grad()
        _listed(self.lr_schedulers())[index].step()

    def _gan_stage_will_come(self) -> bool:
        return self.objective.has_gan_stage and self.trainer.max_steps > self.objective.start_step

    def _enter_gan_stage(self) -> None:
        """Go on from the averaged weights, as the published second stage does."""
        self.ema.copy_to(self.generator)
        self.meter.restart()
        log.info("iteration %d: the GAN stage starts from the averaged generator", self.objective.start_step)

    def _rehearse_gan(self, images: dict[str, Tensor]) -> None:
        """Compute one GAN iteration and discard it: what would fail then, memory above all, fails now.

        It also tells how long the GAN stage will take.
        """
        started = time.perf_counter()
        buffers = {}
        if self.discriminator is not None:
            buffers = {name: buffer.clone() for name, buffer in self.discriminator.named_buffers()}
        with torch.random.fork_rng():
            self.backward_all(images, "gan")
        self.zero_grad(set_to_none=True)
        if self.discriminator is not None:
            for name, buffer in self.discriminator.named_buffers():
                buffer.copy_(buffers[name])
        self.gan_iteration_seconds = time.perf_counter() - started
        self.meter.restart()

    def _log_training(self, step: int) -> None:
        measured = self.meter.read()
        measured["lr"] = self._learning_rate(step - 1)
        values = {f"train/{name}": value for name, value in measured.items()}
        self.log_dict({**values, "step": float(step)}, on_step=True, on_epoch=False)

    def _learning_rate(self, done: int) -> float:
        player = "generator" if self.objective.stage(done) == "gan" else "pixel"
        optimizer: Optimizer = _listed(self.optimizers(use_pl_optimizer=False))[self.players.index(player)]
        return float(optimizer.param_groups[0]["lr"])

    # validation

    def on_validation_start(self) -> None:
        """Keep the time of validation out of the training rate."""
        self.meter.pause()

    def on_validation_end(self) -> None:
        """Let the training clock run again."""
        self.meter.resume()

    def forward(self, lr: Tensor) -> Tensor:
        """(B, 3, h, w) in [0, 1] to (B, 3, h·upscale, w·upscale) by the averaged generator, in float32."""
        sr: Tensor = self.ema(lr.contiguous(memory_format=self.memory_format))
        return sr

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Compare the averaged generator and bicubic enlargement with a whole photo."""
        sr = self(batch["lr"])
        bicubic = F.interpolate(batch["lr"], scale_factor=float(self.upscale), mode="bicubic")
        self.quality.update(sr, batch["hr"])
        self.bicubic_quality.update(bicubic, batch["hr"])
        return {"sr": sr, "bicubic": bicubic}

    def on_validation_epoch_end(self) -> None:
        """Log the means over all photos."""
        ours, bicubic = self.quality.compute(), self.bicubic_quality.compute()
        self.quality.reset()
        self.bicubic_quality.reset()
        values = {f"val/{name}": value for name, value in ours.items()}
        values |= {f"val/{name}_bicubic": bicubic[name] for name in ("psnr", "ssim")}
        self.log_dict({**values, "step": float(self.trainer.global_step)})

    # checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what rebuilds the generator from the file alone."""
        checkpoint["esrgan_train"] = self.metadata


def _listed(one_or_more: Any) -> list[Any]:
    """Lightning hands out a single optimizer or scheduler bare, several as a list."""
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]
