"""Pictures enlarged on the GPU: in tiles as whole, as on the CPU, and with what memory there is."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.inference.memory import automatic_tile
from esrgan_train.inference.upscaler import Upscaler

pytestmark = pytest.mark.gpu


@pytest.fixture
def network() -> SRVGGNetCompact:
    torch.manual_seed(0)
    return SRVGGNetCompact(num_feat=32, num_conv=4, upscale=4).eval()


def picture(levels: type[np.unsignedinteger], height: int = 150, width: int = 210) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(levels).max, (height, width, 3), levels)


@pytest.mark.parametrize(("levels", "most"), [(np.uint8, 1), (np.uint16, 4)])
def test_tiles_equal_the_whole_and_the_cpu(
    network: SRVGGNetCompact, device: torch.device, levels: type[np.unsignedinteger], most: int
) -> None:
    image = picture(levels)
    cpu = Upscaler(deepcopy(network), device=torch.device("cpu"), precision="32", tile=0)(image).astype(int)
    whole, tiled = (
        Upscaler(deepcopy(network), device=device, precision="32", tile=tile)(image).astype(int)
        for tile in (0, 64)
    )
    for one, other in ((tiled, whole), (whole, cpu)):
        difference = np.abs(one - other)
        assert difference.max() <= most  # a level at a rounding edge; TF32 would miss hundreds of 16 bits
        assert (difference > 0).mean() < 0.05


def test_memory_that_ends_halves_the_tiles_and_is_given_back(
    network: SRVGGNetCompact, device: torch.device
) -> None:
    image = picture(np.uint8)
    expected = Upscaler(deepcopy(network), device=device, precision="32", tile=0)(image)
    seen: list[int] = []

    def refuse(_: object, given: tuple[torch.Tensor]) -> None:
        seen.append(given[0].shape[-1])
        if given[0].shape[-1] > 100:
            torch.empty(2**50, dtype=torch.uint8, device=device)  # a petabyte: the device's own error

    upscaler = Upscaler(network, device=device, precision="32", tile=None)
    network.body.register_forward_pre_hook(refuse)
    found = upscaler(image)
    assert max(seen[-3:]) <= 100 < seen[0]
    assert upscaler.tile == 64
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_the_tile_follows_the_free_memory(network: SRVGGNetCompact, device: torch.device) -> None:
    tile = automatic_tile(network, 4, device)
    assert 64 <= tile <= 512
    if device.type == "cuda":
        held = torch.empty(2**30, dtype=torch.uint8, device=device)
        del held  # the allocator keeps it, for new tensors
        assert automatic_tile(network, 4, device) >= tile
