"""Cutting a picture into tiles whose enlargements join without a seam."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.errors import UserError
from esrgan_train.inference.onnx_model import OnnxNetwork

_PROBE = 97  # side of the picture on which an unknown network's reach is measured
_SMALLEST = 64
# On a CPU, layers' maps above 32 MiB are taken from the system and given back each time (glibc's bound): of 64
# features, tiles of 256 pixels stay below it and take a sixth less time than tiles of 512, overlap included.
_LARGEST = {"cpu": 256}
_LARGEST_ELSEWHERE = 512
_GUESSED_FREE = 2 * 2**30


@dataclass(frozen=True)
class Tile:
    """One tile: ``inner`` is what it yields, ``outer`` what the network sees; (top, bottom, left, right)."""

    inner: tuple[int, int, int, int]
    outer: tuple[int, int, int, int]


def cut(height: int, width: int, *, tile: int, radius: int) -> Iterator[Tile]:
    """Cover the picture with tiles of at most ``tile`` pixels a side, each seen with ``radius`` more around it.

    At the picture's own edges nothing is added: there the network pads as it does for the whole picture.
    """
    for top in range(0, height, tile):
        bottom = min(top + tile, height)
        for left in range(0, width, tile):
            right = min(left + tile, width)
            yield Tile(
                (top, bottom, left, right),
                (
                    max(top - radius, 0),
                    min(bottom + radius, height),
                    max(left - radius, 0),
                    min(right + radius, width),
                ),
            )


def receptive_radius(network: nn.Module) -> int:
    """How many pixels away an input pixel still changes an output pixel.

    Exact for the compact network: one pixel for each of its ``num_conv`` + 2 convolutions. Of any other
    network it is measured: as the extent of the gradient of the middle of the output, or, of an ONNX model,
    as the extent of what changes with the middle of the input.

    Raises:
        UserError: the measured reach has no end within the probe, so tiles could not join.
    """
    if isinstance(network, SRVGGNetCompact):
        return network.num_conv + 2
    if isinstance(network, OnnxNetwork):
        return network.radius if network.radius is not None else _bounded(network, _changed_by_middle(network))
    weight = next(network.parameters())
    noise = torch.rand(1, 3, _PROBE, _PROBE, generator=torch.Generator().manual_seed(0))
    lr = noise.to(weight.device, weight.dtype).requires_grad_()
    with torch.enable_grad():
        sr = network(lr)
        scale = sr.shape[-1] // _PROBE
        middle = _PROBE // 2
        block = slice(middle * scale, (middle + 1) * scale)
        (gradient,) = torch.autograd.grad(sr[..., block, block].sum(), lr)
    return _bounded(network, gradient)


def _changed_by_middle(network: nn.Module) -> torch.Tensor:
    """Per input pixel, how much of its enlargement changes when the picture's middle does; (1, 1, side, side)."""
    lr = torch.rand(1, 3, _PROBE, _PROBE, generator=torch.Generator().manual_seed(0))
    changed = lr.clone()
    changed[..., _PROBE // 2, _PROBE // 2] = 1 - lr[..., _PROBE // 2, _PROBE // 2].round()
    with torch.inference_mode():
        difference = (network(changed) - network(lr)).abs().sum(1, keepdim=True)
    return torch.nn.functional.max_pool2d(difference, difference.shape[-1] // _PROBE)


def _bounded(network: nn.Module, influence: torch.Tensor) -> int:
    middle = _PROBE // 2
    rows, columns = torch.nonzero(influence.abs().sum((0, 1)), as_tuple=True)
    reach = int(torch.stack([(rows - middle).abs().max(), (columns - middle).abs().max()]).max())
    if reach >= middle:
        raise UserError(
            f"{type(network).__name__} looks over {middle} pixels far, so tiles would show seams; give --tile 0"
        )
    return reach


def automatic_tile(network: nn.Module, scale: int, device: torch.device) -> int:
    """The side of a tile that needs at most a quarter of the free memory, from 64 to 256 (GPU: 512) pixels."""
    features = getattr(network, "num_feat", 64)
    per_pixel = 4 * (3 * features + 4 * 3 * scale**2)  # bytes: layers' maps in flight, output and copies
    side = int((free_memory() / 4 / per_pixel) ** 0.5)
    return max(_SMALLEST, min(_LARGEST.get(device.type, _LARGEST_ELSEWHERE), side))


def free_memory() -> int:
    """Bytes of the host that are free; a guess where the system does not say, as on macOS and Windows."""
    if "SC_AVPHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return _GUESSED_FREE
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
