"""How the training step is carried out; the ``training`` group of the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt

from esrgan_train.bounds import Count, Wanted, check_fields

Init = Literal["default", "bilinear", "weights"]  # first weights: as built, as bilinear enlargement, of init_from


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
        deterministic: repeat every result bit for bit on a GPU too; the run, or whoever builds the step, enters
            ``kernels.kernels_of_training`` first.
    """

    ema_decay: Annotated[float, Ge(0), Lt(1), Wanted("such as 0.999")]
    ema_warmup: bool
    grad_clip: Annotated[Annotated[float, Gt(0), Wanted("such as 1.0")] | None, Wanted("for no clipping")]
    accumulate: Count
    channels_last: bool
    compile: bool
    shared_fake_forward: bool
    deterministic: bool

    def __post_init__(self) -> None:
        check_fields(self, at="training.")
