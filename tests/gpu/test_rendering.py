"""Drawings rendered on the device."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils.data import default_collate

from esrgan_train.degradation import RealESRGANDegradation, usm_sharpen
from esrgan_train.degradation.batched.renderer import BatchRenderer
from esrgan_train.degradation.batched.usm import usm_sharpen_batch
from esrgan_train.degradation.drawing import Drawing, Noise
from esrgan_train.degradation.rendering import render

pytestmark = pytest.mark.gpu
SIDE, COUNT = 128, 12


@pytest.fixture(scope="module")
def drawn() -> list[Drawing]:
    degradation = RealESRGANDegradation()
    return [degradation.draw((SIDE, SIDE), np.random.default_rng([1, number])) for number in range(COUNT)]


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Smooth colours with edges, (COUNT, 3, SIDE, SIDE)."""
    draw = torch.Generator().manual_seed(0)
    smooth = torch.nn.functional.interpolate(
        torch.rand(COUNT, 3, 9, 9, generator=draw), (SIDE, SIDE), mode="bicubic"
    )
    smooth[..., SIDE // 3 : SIDE // 2] += 0.3
    return smooth.clamp(0, 1)


@pytest.fixture
def tf32() -> Iterator[None]:
    """TF32 as a training may have it."""
    torch.backends.cuda.matmul.allow_tf32 = True
    yield
    torch.backends.cuda.matmul.allow_tf32 = False  # the default


def rendered(drawn: list[Drawing], images: Tensor, device: torch.device) -> Tensor:
    renderer = BatchRenderer(RealESRGANDegradation(), (SIDE, SIDE)).to(device)
    packed = renderer.moved(default_collate([renderer.pack(drawing) for drawing in drawn]), device)
    result: Tensor = renderer(images.to(device), packed).cpu()
    return result


@pytest.mark.usefixtures("tf32")
def test_without_noise_it_is_the_picture_of_the_workers(
    drawn: list[Drawing], images: Tensor, device: torch.device
):
    quiet = [tuple(None if isinstance(step, Noise) else step for step in drawing) for drawing in drawn]
    found = rendered(quiet, images, device)
    expected = [
        render(image.permute(1, 2, 0).contiguous().numpy(), drawing)
        for image, drawing in zip(images, quiet, strict=True)
    ]
    error = np.square(found.permute(0, 2, 3, 1).numpy() - np.stack(expected)).mean(axis=(1, 2, 3))
    # A value between two levels to the last digit may be rounded apart, and JPEG spreads that over a block.
    psnr = -10 * np.log10(error.clip(min=1e-12))
    assert psnr.min() > 35
    assert psnr.mean() > 60


@pytest.mark.usefixtures("tf32")
def test_it_repeats_itself_bit_for_bit(drawn: list[Drawing], images: Tensor, device: torch.device):
    levels = rendered(drawn, images, device)
    assert torch.equal(levels, rendered(drawn, images, device))
    assert torch.equal(
        levels, (levels * 255).round() / torch.tensor(255.0)
    )  # on the 8-bit grid, to the last digit


def test_neighbours_in_a_batch_count_for_nothing(drawn: list[Drawing], images: Tensor, device: torch.device):
    order = torch.randperm(COUNT, generator=torch.Generator().manual_seed(2))
    moved = rendered([drawn[number] for number in order], images[order], device)
    assert torch.equal(moved, rendered(drawn, images, device)[order])


def test_noise_is_of_its_key_alone(drawn: list[Drawing], images: Tensor, device: torch.device):
    together = rendered(drawn, images, device)
    apart = torch.cat([rendered([d], i[None], device) for d, i in zip(drawn, images, strict=True)])
    # Products and transforms may add in another order for another batch: a level here and there, no other noise.
    error = (apart - together).square().mean(dim=(1, 2, 3)).clamp(min=1e-12)
    assert (-10 * torch.log10(error)).min() > 45


def test_sharpening_is_the_workers(images: Tensor, device: torch.device):
    found = usm_sharpen_batch(images.to(device)).cpu()
    for image, result in zip(images, found, strict=True):
        expected = usm_sharpen(image.permute(1, 2, 0).contiguous().numpy())
        difference = np.abs(result.permute(1, 2, 0).numpy() - expected)
        assert difference.max() < 0.01  # at a threshold that is met to the last digit
        assert np.median(difference) < 1e-6


def test_memory_stays_as_it_is(drawn: list[Drawing], images: Tensor, device: torch.device):
    if device.type != "cuda":
        pytest.skip("the processor's memory is not counted")
    rendered(drawn, images, device)
    held = torch.cuda.memory_allocated(device)
    for _ in range(3):
        rendered(drawn, images, device)
    assert torch.cuda.memory_allocated(device) == held
