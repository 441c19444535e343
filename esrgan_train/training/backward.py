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

from esrgan_train.training.precision import Precision
from esrgan_train.training.signs import discriminator_signs, generator_signs
from esrgan_train.training.stages import AdversarialTerm, Stage

Images = dict[str, Tensor]  # lr (B,3,h,w), hr and hr_target (B,3,H,W), float32 in [0, 1]
Measured = dict[str, Tensor]  # scalars on the device, for the log


@dataclass(frozen=True)
class Judge:
    """A discriminator, its losses, and their weight for the generator: 0 while only the discriminator learns."""

    network: nn.Module
    term: AdversarialTerm
    weight: float


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

    def forward(self, network: nn.Module, images: Tensor) -> Tensor:
        """The network's output as float32."""
        with record_function(f"esrgan/{'generator' if network is self.generator else 'discriminator'} forward"):
            return self.precision.forward(network, images)


def published_backward(game: Game, images: Images) -> Measured:
    """Three passes of each discriminator: generated (for the generator), real, generated (for itself)."""
    forward = game.forward
    for judge in game.judges:
        judge.network.requires_grad_(False)
    sr = forward(game.generator, images["lr"])
    loss, measured = game.stage.content(sr, images, game.precision, game.done)
    for judge in game.judges:
        judged = judge.term.function.generator(forward(judge.network, sr))
        if judge.weight:  # 0 times an infinite loss would not be 0
            loss = loss + judge.weight * judged
        measured[judge.term.name] = judged
    with record_function("esrgan/generator backward"):
        (game.factor * loss).backward()  # type: ignore[no-untyped-call]

    for judge in game.judges:
        judge.network.requires_grad_(True)
        real_logits = forward(judge.network, images["hr"])
        measured |= _learn(judge, real_logits, forward(judge.network, sr.detach()), game.factor)
    return measured | generator_signs(sr, images["hr"])


def shared_backward(game: Game, images: Images) -> Measured:
    """Two passes of each discriminator, generated and real; the first gives both players their gradients."""
    forward = game.forward
    sr = forward(game.generator, images["lr"])
    fake = sr.detach().requires_grad_()  # a leaf: the players' graphs meet here
    fake_logits = [forward(judge.network, fake) for judge in game.judges]
    judged = [
        judge.term.function.generator(logits) for judge, logits in zip(game.judges, fake_logits, strict=True)
    ]
    loss, measured = game.stage.content(sr, images, game.precision, game.done)
    roots: list[Tensor] = [game.factor * loss]
    gradients: list[Tensor | None] = [None]
    for judge, adversarial in zip(game.judges, judged, strict=True):
        if judge.weight:
            weighted = game.factor * judge.weight * adversarial
            roots.append(sr)
            with record_function("esrgan/discriminator backward"):
                gradients += torch.autograd.grad(weighted, fake, retain_graph=True)
        measured[judge.term.name] = adversarial
    with record_function("esrgan/generator backward"):
        torch.autograd.backward(roots, gradients)

    for judge, logits in zip(game.judges, fake_logits, strict=True):
        measured |= _learn(judge, forward(judge.network, images["hr"]), logits, game.factor)
    return measured | generator_signs(sr, images["hr"])


def _learn(judge: Judge, real_logits: Tensor, fake_logits: Tensor, factor: float | Tensor) -> Measured:
    """Leave a discriminator its own gradients."""
    real, fake = judge.term.function.real(real_logits), judge.term.function.fake(fake_logits)
    with record_function("esrgan/discriminator backward"):
        torch.autograd.backward(factor * (real + fake), inputs=list(judge.network.parameters()))
    figures = {"real": real, "fake": fake} | discriminator_signs(real_logits, fake_logits)
    return {f"{judge.term.prefix}_{name}": value for name, value in figures.items()}
