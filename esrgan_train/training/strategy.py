"""Training in several processes: one per device, each with its share of every batch."""

from __future__ import annotations

from datetime import timedelta

import torch.distributed as dist
from lightning.pytorch.strategies import DDPStrategy

from esrgan_train.training.processes import expecting_all

TIMEOUT = timedelta(minutes=10)  # after which a process that hears nothing of another one stops


class TwoPlayerStrategy(DDPStrategy):
    """DDP without the wrapper that counts on one backward pass through every parameter.

    Here one player rests while the other's gradients are computed, and the discriminator rests for a whole
    stage. So the weights are made equal once, at the start, and the training step averages the gradients of
    those players that step, in one flat reduction (``gradients.mean_over_processes``).
    """

    def __init__(self) -> None:
        super().__init__(timeout=TIMEOUT)

    def configure_ddp(self) -> None:
        """Give every process the weights and buffers of the first."""
        assert self.model is not None
        with expecting_all():
            for tensor in self.model.state_dict().values():
                dist.broadcast(tensor, src=0)
