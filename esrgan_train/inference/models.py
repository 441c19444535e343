"""The network in a model file."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from esrgan_train.inference.onnx_model import OnnxNetwork
from esrgan_train.modelfiles.rebuild import rebuild_generator
from esrgan_train.modelfiles.weights import load_weights


def load_network(path: Path) -> nn.Module:
    """Read a model and build its network, in evaluation mode on the CPU; no code in the file is ever run.

    An ``.onnx`` file is run by ONNX Runtime.

    Raises:
        UserError: the file cannot be read, or nobody knows its architecture.
    """
    if path.suffix.lower() == ".onnx":
        return OnnxNetwork(path).eval()
    return rebuild_generator(load_weights(path))
