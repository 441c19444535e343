"""The generator itself, which every exported file has to equal."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from esrgan_train.errors import UserError
from esrgan_train.export.exported import Batch, Run
from esrgan_train.inference.geometry import scale_of
from esrgan_train.modelfiles.rebuild import rebuild_generator
from esrgan_train.modelfiles.weights import ModelFile, load_weights


def read_generator(path: Path) -> tuple[ModelFile, nn.Module]:
    """A model file and its network, in evaluation mode on the CPU.

    Raises:
        UserError: the file cannot be read, or its network is unknown.
    """
    model = load_weights(path)
    return model, rebuild_generator(model)


def runner(network: nn.Module) -> Run:
    """The network as a function of arrays."""

    def run(lr: Batch) -> Batch:
        with torch.inference_mode():
            sr: Batch = network(torch.from_numpy(lr.copy())).numpy()
        return sr

    return run


def upscale_of(generator: nn.Module) -> int:
    """How many times the network enlarges an RGB image, found by asking it.

    Raises:
        UserError: it does not take RGB images of any size, or does not enlarge by a whole number.
    """
    try:
        scale, multiple = scale_of(generator)
    except UserError as error:
        raise UserError(f"{error}: it cannot be exported") from error
    if multiple > 1:
        raise UserError(
            f"{type(generator).__name__} takes only pictures whose sides are multiples of {multiple}, which other "
            "programs do not know: it cannot be exported"
        )
    return scale
