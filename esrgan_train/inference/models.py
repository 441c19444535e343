"""The network in a model file, also of architectures that are not ours."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from esrgan_train.archs.build import build_generator
from esrgan_train.archs.published import srvgg_options
from esrgan_train.archs.weights import load_weights
from esrgan_train.errors import UserError


def load_network(path: Path) -> nn.Module:
    """Read a model and build its network; what is not ours is recognised by spandrel from the weights alone.

    The file itself is opened by ``load_weights``, which never runs code from it.

    Raises:
        UserError: the file cannot be read, or nobody knows its architecture.
    """
    model = load_weights(path)
    if model.arch is not None or srvgg_options(model.state_dict) is not None:
        return build_generator(model)
    import spandrel  # slow to import, and few need it

    try:
        described = spandrel.ModelLoader().load_from_state_dict(dict(model.state_dict))
    except spandrel.UnsupportedModelError as error:
        raise UserError(
            f"{path} is of an architecture that is not known; give a super-resolution model"
        ) from error
    if not isinstance(described, spandrel.ImageModelDescriptor) or described.input_channels != 3:
        raise UserError(f"{path} does not turn one RGB picture into another; give a super-resolution model")
    network: nn.Module = described.model.eval()
    return network
