"""Training in several processes: one per device, each with its share of every batch."""

from __future__ import annotations

import os

import torch.distributed as dist
from lightning.pytorch.strategies import DDPStrategy
from torch._C._distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from esrgan_train.processes import TIMEOUT, broadcast_from_rank0

_RESTARTS = "TORCHELASTIC_RESTART_COUNT"  # of torchrun --max-restarts


class TwoPlayerStrategy(DDPStrategy):
    """DDP without its wrapper, which expects one backward pass through every parameter.

    The weights are made equal once, at the start; each iteration averages the gradients of the players that step
    in one flat reduction (``processes.all_reduce_mean``).
    """

    def __init__(self) -> None:
        super().__init__(timeout=TIMEOUT)

    def setup_distributed(self) -> None:
        """Meet the other processes; after a restart not at the addresses that those before have left behind.

        torchrun keeps one store through all its restarts.
        """
        restarts = os.environ.get(_RESTARTS, "0")
        if restarts != "0" and not dist.is_initialized():
            store, number, count = next(rendezvous("env://", timeout=TIMEOUT))
            dist.init_process_group(
                self._get_process_group_backend(),
                store=PrefixStore(f"restart_{restarts}", store),
                rank=number,
                world_size=count,
                timeout=TIMEOUT,
                device_id=None if self.root_device.type == "cpu" else self.root_device,
            )
        super().setup_distributed()

    def configure_ddp(self) -> None:
        """Give every process the weights and buffers of the first."""
        assert self.model is not None
        broadcast_from_rank0(self.model.state_dict().values())
