"""The gradients of one batch: which passes run, and whose loss reaches whom.

The gradients of all players are computed from the same weights before any of them steps; as the discriminator
sees the generated images without their graph, this equals the published order of generator step, then
discriminator step. Gradients are added to what the parameters hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.profiler import record_function

from esrgan_train.training.judge import Judge, Judged
from esrgan_train.training.precision import Precision
from esrgan_train.training.signs import generator_signs
from esrgan_train.training.stages import Stage

Images = dict[str, Tensor]  # lr (B,3,h,w), hr and hr_target (B,3,H,W), float32 in [0, 1]
Measured = dict[str, Tensor]  # scalars on the device, for the log


@dataclass(frozen=True, kw_only=True)
class Game:
    """Who takes part in an iteration; in the pixel stage there are no judges.

    ``factor`` multiplies all losses: 1 over the number of batches that one step accumulates, times the loss
    scale. ``done`` is the number of iterations done.
    """

    generator: nn.Module
    judges: Sequence[Judge]
    stage: Stage
    precision: Precision
    factor: float | Tensor = 1.0
    done: float = float("inf")

    def generate(self, lr: Tensor) -> Tensor:
        """The generator's images as float32."""
        with record_function("esrgan/generator forward"):
            return self.precision.forward(self.generator, lr)

    def judge(self, judge: Judge, images: Tensor) -> Judged:
        """What a discriminator makes of images."""
        with record_function("esrgan/discriminator forward"):
            return judge.of(images, self.precision)

    def learn(self, judge: Judge, real: Judged, fake: Judged, images: Images) -> Measured:
        """Leave a discriminator its own gradients."""
        with record_function("esrgan/discriminator backward"):
            measured = judge.learn(real, fake, self.factor)
            return measured | judge.penalize(images["hr"], self.done - self.stage.start, self.factor)


def published_backward(game: Game, images: Images) -> Measured:
    """Three passes of each discriminator: generated (for the generator), real, generated (for itself).

    A judge that compares has one more, of real images for the generator.
    """
    for judge in game.judges:
        judge.network.requires_grad_(False)
    sr = game.generate(images["lr"])
    loss, measured = game.stage.content(sr, images, game.precision, game.done)
    for judge in game.judges:
        real = game.judge(judge, images["hr"]) if judge.compares else None
        weighted, figures = judge.for_generator(game.judge(judge, sr), real)
        if judge.weight:  # 0 times an infinite loss would not be 0
            loss = loss + weighted
        measured |= figures
    with record_function("esrgan/generator backward"):
        (game.factor * loss).backward()  # type: ignore[no-untyped-call]

    for judge in game.judges:
        judge.network.requires_grad_(True)
        real = game.judge(judge, images["hr"])
        measured |= game.learn(judge, real, game.judge(judge, sr.detach()), images)
    return measured | generator_signs(sr, images["hr"])


def shared_backward(game: Game, images: Images) -> Measured:
    """Two passes of each discriminator, generated and real; the first gives both players their gradients."""
    sr = game.generate(images["lr"])
    judged = sr.detach().requires_grad_()  # a leaf: the players' graphs meet here
    fakes = [game.judge(judge, judged) for judge in game.judges]
    reals = [game.judge(judge, images["hr"]) if judge.compares else None for judge in game.judges]
    for_generator = [
        judge.for_generator(fake, real and real.detached())
        for judge, fake, real in zip(game.judges, fakes, reals, strict=True)
    ]
    loss, measured = game.stage.content(sr, images, game.precision, game.done)
    roots: list[Tensor] = [game.factor * loss]
    gradients: list[Tensor | None] = [None]
    for judge, (weighted, figures) in zip(game.judges, for_generator, strict=True):
        if judge.weight:
            roots.append(sr)
            with record_function("esrgan/discriminator backward"):
                gradients += torch.autograd.grad(game.factor * weighted, judged, retain_graph=True)
        measured |= figures
    with record_function("esrgan/generator backward"):
        torch.autograd.backward(roots, gradients)

    for judge, fake, real in zip(game.judges, fakes, reals, strict=True):
        measured |= game.learn(judge, real or game.judge(judge, images["hr"]), fake, images)
    return measured | generator_signs(sr, images["hr"])
