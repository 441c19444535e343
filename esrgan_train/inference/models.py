"""The network in a model file."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from esrgan_train.archs.build import build_generator
from esrgan_train.archs.weights import load_weights


def load_network(path: Path) -> nn.Module:
    """Read a model and build its network, in evaluation mode on the CPU; no code in the file is ever run.

    Raises:
        UserError: the file cannot be read, or nobody knows its architecture.
    """
    return build_generator(load_weights(path))
