"""The generator itself, which every exported file has to equal."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from esrgan_train.errors import UserError
from esrgan_train.export.exported import Batch, Run

_HEIGHT, _WIDTH = 19, 23  # pixels, multiples of nothing


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
    name = type(generator).__name__
    try:
        with torch.inference_mode():
            sr = generator(torch.zeros(1, 3, _HEIGHT, _WIDTH))
    except (RuntimeError, ValueError, IndexError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"{name} cannot be exported: it does not take an RGB image of {_WIDTH}×{_HEIGHT} pixels ({reason})"
        ) from error
    size = tuple(sr.shape) if isinstance(sr, Tensor) else ()
    upscale = size[-1] // _WIDTH if size else 0
    if not upscale or size != (1, 3, _HEIGHT * upscale, _WIDTH * upscale):
        raise UserError(
            f"{name} cannot be exported: of an RGB image of {_WIDTH}×{_HEIGHT} pixels it makes "
            f"{size or type(sr).__name__}, which is no enlargement by a whole number"
        )
    return upscale
