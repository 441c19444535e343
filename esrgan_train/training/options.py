"""How the training step is carried out; the ``training`` group of the configuration."""

from __future__ import annotations

from dataclasses import dataclass

from esrgan_train.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the training step.

    Attributes:
        ema_decay: decay of the averaged generator, which starts as a copy.
        ema_warmup: let its memory grow with the run.
        grad_clip: largest norm of each player's gradients; None does not clip.
        accumulate: parts of an iteration's batch that go through the networks one after the other, to save
            memory.
        channels_last: keep convolutions in NHWC order, which is faster on tensor cores and on CPUs; not the
            generator's on a CPU without AVX-512.
        compile: let torch.compile fuse the networks.
        shared_fake_forward: let one discriminator pass over the generated images serve both players.

    Raises:
        UserError: a value out of bounds.
    """

    ema_decay: float
    ema_warmup: bool
    grad_clip: float | None
    accumulate: int
    channels_last: bool
    compile: bool
    shared_fake_forward: bool

    def __post_init__(self) -> None:
        if self.grad_clip is not None and not self.grad_clip > 0:
            raise UserError(f"training.grad_clip={self.grad_clip}: give a number above 0, or null for no clipping")
        if isinstance(self.accumulate, bool) or not isinstance(self.accumulate, int) or self.accumulate < 1:
            raise UserError(f"training.accumulate={self.accumulate!r}: give a whole number from 1 on")
