"""Validation on the GPU gives the figures of the CPU, and waits for nothing before its end."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from esrgan_train.archs.srvgg_arch import SRVGGNetCompact
from esrgan_train.kernels import kernels_of_training
from esrgan_train.metrics.image_quality import MEASURES
from esrgan_train.training import validation as validation_module
from esrgan_train.training.validation import Validation

pytestmark = pytest.mark.gpu

# dB, and a share of 1: rounding to 8 bits turns over for a value in some ten thousand.
NEAR = {"psnr": 2e-3, "psnr_y": 2e-3, "ssim": 5e-5, "ssim_y": 5e-5}


def photos(device: torch.device) -> list[dict[str, Tensor | list[str]]]:
    generator = torch.Generator().manual_seed(0)
    made: list[dict[str, Tensor | list[str]]] = []
    for number, size in enumerate(((70, 130), (90, 40), (61, 61))):
        smooth = F.interpolate(torch.rand(1, 3, 9, 9, generator=generator), size=[4 * side for side in size])
        hr = (smooth + 0.1 * torch.rand(smooth.shape, generator=generator)).clamp(0, 1)
        pictures = {"lr": F.avg_pool2d(hr, 4), "hr": hr, "counts": torch.tensor([True])}
        made.append({name: tensor.to(device) for name, tensor in pictures.items()} | {"name": [str(number)]})
    return made


@torch.inference_mode()
def rounds(device: torch.device) -> list[dict[str, float]]:
    """The figures of two validations; the second knows what bicubic scored."""
    torch.manual_seed(0)
    network = SRVGGNetCompact(num_feat=16, num_conv=2, upscale=4).to(device).eval()
    validation = Validation(upscale=4, memory_format=torch.channels_last).to(device)
    batches, found = photos(device), []
    for _ in range(2):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            torch.cuda.set_sync_debug_mode("error")
        try:
            for position, batch in enumerate(batches):
                validation.add(network, batch, position=position)
        finally:
            if device.type == "cuda":
                torch.cuda.set_sync_debug_mode("default")
        found.append(validation.figures())
    return found


def test_the_figures_are_those_of_the_cpu(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation_module, "_TILE", 64)  # some photos in tiles
    with kernels_of_training(deterministic=False, benchmark=True):  # TF32 for training, not for this
        first, second = rounds(device)
    assert first == second
    (expected, _) = rounds(torch.device("cpu"))
    assert first.keys() == expected.keys()
    for name, value in expected.items():
        near = NEAR[name.removeprefix("val/").removesuffix("_bicubic")]
        assert first[name] == pytest.approx(value, abs=near), name


@pytest.mark.parametrize("name", MEASURES)
def test_measures_are_those_of_the_cpu(name: str, device: torch.device) -> None:
    generator = torch.Generator().manual_seed(1)
    hr = torch.randint(0, 256, (2, 3, 500, 1200), generator=generator, dtype=torch.uint8)
    sr = (hr.int() + torch.randint(-9, 10, hr.shape, generator=generator)).clamp(0, 255).byte()
    here, there = (MEASURES[name](sr.to(place), hr.to(place), 4).cpu() for place in (torch.device("cpu"), device))
    torch.testing.assert_close(there, here, rtol=0, atol=1e-4 if "psnr" in name else 2e-6)
