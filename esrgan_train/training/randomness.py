"""The random numbers of layers that draw some, such as dropout: a function of the run and the iteration."""

from __future__ import annotations

import numpy as np
import torch


def seed_layers(seed: int, *, iteration: int, rank: int, device: torch.device) -> None:
    """Seed what draws numbers on the CPU and on ``device`` in one iteration of one process.

    ``torch.manual_seed`` would also note a stack trace for each kind of device that is not there, which costs
    milliseconds.
    """
    words = np.random.SeedSequence([seed, iteration, rank]).generate_state(1, np.uint64)
    drawn = int(words[0] >> np.uint64(1))
    torch.default_generator.manual_seed(drawn)
    if device.type == "cuda":
        torch.cuda.manual_seed(drawn)
    elif device.type == "mps":
        torch.mps.manual_seed(drawn)
