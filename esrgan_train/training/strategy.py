"""Training in several processes: one per device, each with its share of every batch."""

from __future__ import annotations

from lightning.pytorch.strategies import DDPStrategy

from esrgan_train.processes import TIMEOUT, broadcast_from_rank0


class TwoPlayerStrategy(DDPStrategy):
    """DDP without its wrapper, which expects one backward pass through every parameter.

    The weights are made equal once, at the start; each iteration averages the gradients of the players that step
    in one flat reduction (``processes.all_reduce_mean``).
    """

    def __init__(self) -> None:
        super().__init__(timeout=TIMEOUT)

    def configure_ddp(self) -> None:
        """Give every process the weights and buffers of the first."""
        assert self.model is not None
        broadcast_from_rank0(self.model.state_dict().values())
