"""The gradients of one batch: which passes run, and whose loss reaches whom.

Both players' gradients are computed from the same weights before either of them steps; as the discriminator
sees the generated images without their graph, this equals the published order of generator step, then
discriminator step. Gradients are added to what the parameters hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from esrgan_train.training.health import discriminator_signs, generator_signs
from esrgan_train.training.objective import Objective, Stage
from esrgan_train.training.precision import Precision

Images = dict[str, Tensor]  # lr (B,3,h,w), hr and hr_target (B,3,H,W), float32 in [0, 1]
Measured = dict[str, Tensor]  # scalars on the device, for the log


@dataclass(frozen=True, kw_only=True)
class Players:
    """What a batch goes through.

    Attributes:
        generator: (B, 3, h, w) to (B, 3, H, W).
        discriminator: (B, 3, H, W) to logits of any shape; None without an adversarial loss.
        objective: losses and weights.
        precision: number format of the networks.
        adversarial_weight: of the generator's adversarial term; 0 while only the discriminator learns of it.
    """

    generator: nn.Module
    discriminator: nn.Module | None
    objective: Objective
    precision: Precision
    adversarial_weight: float

    def forward(self, network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """The network's output as float32, whatever it computes in."""
        with self.precision.autocast():
            output = network(images)
        return output.float()


def content_backward(players: Players, images: Images, *, stage: Stage, share: float) -> Measured:
    """The losses without a discriminator.

    Args:
        players: the networks and losses.
        images: one batch.
        stage: which losses count.
        share: by which the losses are multiplied: 1 over the batches that one step accumulates.
    """
    sr = players.forward(players.generator, images["lr"])
    loss, measured = players.objective.content(sr, images["hr_target"], stage)
    (share * loss).backward()  # type: ignore[no-untyped-call]
    return measured | generator_signs(sr, images["hr"])


def published_backward(players: Players, images: Images, *, share: float) -> Measured:
    """Three discriminator passes: generated (for the generator), real, generated (for itself)."""
    discriminator, adversarial = players.discriminator, players.objective.adversarial
    assert discriminator is not None
    assert adversarial is not None

    discriminator.requires_grad_(False)
    sr = players.forward(players.generator, images["lr"])
    content, measured = players.objective.content(sr, images["hr_target"], "gan")
    judged = adversarial.generator(players.forward(discriminator, sr))
    if players.adversarial_weight:  # 0 times an infinite loss would not be 0
        content = content + players.adversarial_weight * judged
    (share * content).backward()  # type: ignore[no-untyped-call]
    discriminator.requires_grad_(True)

    real_logits = players.forward(discriminator, images["hr"])
    fake_logits = players.forward(discriminator, sr.detach())
    d_real, d_fake = adversarial.real(real_logits), adversarial.fake(fake_logits)
    (share * (d_real + d_fake)).backward()  # type: ignore[no-untyped-call]
    measured |= {"adversarial": judged, "d_real": d_real, "d_fake": d_fake}
    return measured | discriminator_signs(real_logits, fake_logits) | generator_signs(sr, images["hr"])


def shared_backward(players: Players, images: Images, *, share: float) -> Measured:
    """Two discriminator passes, generated and real; the first gives both players their gradients."""
    discriminator, adversarial = players.discriminator, players.objective.adversarial
    assert discriminator is not None
    assert adversarial is not None

    sr = players.forward(players.generator, images["lr"])
    fake = sr.detach().requires_grad_()  # a leaf: the two players' graphs meet here
    fake_logits = players.forward(discriminator, fake)

    judged = adversarial.generator(fake_logits)
    content, measured = players.objective.content(sr, images["hr_target"], "gan")
    if players.adversarial_weight:
        weighted = share * players.adversarial_weight * judged
        (from_discriminator,) = torch.autograd.grad(weighted, fake, retain_graph=True)
        torch.autograd.backward([share * content, sr], [None, from_discriminator])
    else:
        (share * content).backward()  # type: ignore[no-untyped-call]

    real_logits = players.forward(discriminator, images["hr"])
    d_real, d_fake = adversarial.real(real_logits), adversarial.fake(fake_logits)
    torch.autograd.backward(share * (d_real + d_fake), inputs=list(discriminator.parameters()))
    measured |= {"adversarial": judged, "d_real": d_real, "d_fake": d_fake}
    return measured | discriminator_signs(real_logits, fake_logits) | generator_signs(sr, images["hr"])
