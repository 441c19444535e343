"""JPEG of a batch on the device: the same bits as on the processor, and libjpeg's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from esrgan_train.degradation.batched.jpeg import BatchedJpeg
from esrgan_train.degradation.jpeg import compress_jpeg

pytestmark = pytest.mark.gpu

COUNT, CANVAS = 66, (90, 107)  # one image for each quality from 30 to 95


@pytest.fixture(scope="module")
def batch() -> tuple[Tensor, ...]:
    """Smooth colours with noise of all strengths; sizes, qualities and both kinds of chroma."""
    draw = torch.Generator().manual_seed(0)
    smooth = F.interpolate(torch.rand(COUNT, 3, 9, 9, generator=draw), CANVAS, mode="bicubic")
    strength = torch.linspace(0, 0.5, COUNT).view(-1, 1, 1, 1)
    images = smooth + strength * torch.randn(COUNT, 3, *CANVAS, generator=draw)
    heights, widths = (torch.randint(1, side + 1, (COUNT,), generator=draw) for side in CANVAS)
    return images, heights, widths, torch.arange(COUNT) + 30, torch.arange(COUNT) % 2 == 0


def parts(decoded: Tensor, batch: tuple[Tensor, ...]) -> list[Tensor]:
    sizes = zip(batch[1].tolist(), batch[2].tolist(), strict=True)
    return [image[:, :height, :width] for image, (height, width) in zip(decoded.cpu(), sizes, strict=True)]


def test_the_device_gives_the_bits_of_the_processor(batch: tuple[Tensor, ...], device: torch.device):
    """Also in another batch and in memory laid out otherwise."""
    expected = parts(BatchedJpeg()(*batch), batch)
    jpeg, moved = BatchedJpeg().to(device), [part.to(device) for part in batch]
    backwards = jpeg(*(part.flip(0) for part in moved)).flip(0)
    last = jpeg(moved[0].contiguous(memory_format=torch.channels_last), *moved[1:])
    for found in (jpeg(*moved), backwards, last):
        assert all(torch.equal(a, b) for a, b in zip(parts(found, batch), expected, strict=True))


def test_the_device_gives_the_bits_of_libjpeg(batch: tuple[Tensor, ...], device: torch.device):
    found = parts(BatchedJpeg().to(device)(*(part.to(device) for part in batch)), batch)
    whole = parts(batch[0], batch)
    for image, result, quality, nearest in zip(whole, found, batch[3].tolist(), batch[4].tolist(), strict=True):
        pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
        expected = compress_jpeg(pixels, quality, nearest_chroma=nearest)
        rest = 3e-7 if nearest else 0  # where OpenCV adds up float32
        np.testing.assert_allclose(result.permute(1, 2, 0).numpy(), expected, rtol=0, atol=rest)


def test_nothing_waits_for_the_device(batch: tuple[Tensor, ...], device: torch.device):
    if device.type != "cuda":
        pytest.skip("the processor waits for nobody")
    jpeg, moved = BatchedJpeg().to(device), [part.to(device) for part in batch]
    before = jpeg(*moved)
    torch.cuda.set_sync_debug_mode("error")  # waiting raises
    try:
        after = jpeg(*moved)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for one, other in zip(parts(after, batch), parts(before, batch), strict=True):
        assert torch.equal(one, other)
