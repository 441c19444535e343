"""The global random generators: a trial leaves them as they were, and a degradation must not use them."""

from __future__ import annotations

import pickle
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def shared_randomness_kept(seed: int = 0) -> Iterator[None]:
    """Seed Python's, NumPy's and PyTorch's global generators (on the CPU), and restore them afterwards.

    What a trial draws must not change the weights that are drawn after it.
    """
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 — the one to be kept
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002


def shared_states() -> dict[str, bytes]:
    """The states of the global generators, by the name they are used by."""
    return {
        "random": pickle.dumps(random.getstate()),
        "np.random": pickle.dumps(np.random.get_state()),  # noqa: NPY002
        "torch": torch.get_rng_state().numpy().tobytes(),
    }
