"""The random numbers that every library shares, which no part of a sample may draw."""

from __future__ import annotations

import pickle
import random

import numpy as np
import torch


def global_states() -> dict[str, bytes]:
    """The state of each global generator, by name; equal as long as nobody draws."""
    return {
        "random": pickle.dumps(random.getstate()),
        "np.random": pickle.dumps(np.random.get_state()),  # noqa: NPY002
        "torch": torch.get_rng_state().numpy().tobytes(),
    }
